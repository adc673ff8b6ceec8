// What changes afterwards: a patch arrives by itself, a minor version takes what depends on it along.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { satisfies } from 'semver'
import { npm } from '../shell.mjs'
import { dependenciesOf, publishedPackages } from '../packages.mjs'
import { lookUp } from '../registry.mjs'
import { expectSame, expectThat } from './parts.mjs'
import { addChangeset, expectSuccess } from './publishing.mjs'

const installedVersion = async (folder, name) =>
  JSON.parse(await readFile(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version

/** What `npm ls` calls a copy of a package, with where it is. */
const copiesOf = (tree, name, at = '') =>
  Object.entries(tree.dependencies ?? {}).flatMap(([key, one]) => [
    ...(key === name && one.version !== undefined ? [`${at}/${key}@${one.version}`] : []),
    ...copiesOf(one, name, `${at}/${key}`),
  ])

export const tryUpdate = async (world) => {
  const { attempt, tree, team, registry, quick } = world
  const versionsNow = () => new Map(publishedPackages(tree.folder).map(({ name, version }) => [name, version]))
  const first = versionsNow()
  const range = (name) => ({ [name]: `^${first.get(name)}` })
  const reader = await team.project('update-idx', { dependencies: range('@digitlab/idx') })
  const loader = await team.project('update-data', { dependencies: range('@digitlab/data') })
  const npmIn = (folder, ...args) => team.execute([...npm(), ...args], folder)

  /** Releases a bump of one package. @returns the names of what got another version */
  const releaseBump = async (name, bump) => {
    const before = versionsNow()
    await addChangeset(tree, name, bump)
    expectSuccess(await tree.release('--no-test', '--no-build'))
    const now = versionsNow()
    return [...now.keys()].filter((name) => now.get(name) !== before.get(name)).sort()
  }

  const ready = await attempt('update', 'installed by its old versions', async () => {
    for (const folder of [reader, loader]) await npmIn(folder, 'install')
    expectSame('the version', await installedVersion(reader, '@digitlab/idx'), first.get('@digitlab/idx'))
  })
  if (!ready) return
  if (!quick)
    await attempt('update', 'a patch is published alone, and npm update brings it to all', async () => {
      expectSame('what was released', await releaseBump('@digitlab/idx', 'patch'), ['@digitlab/idx'])
      const { version } = await tree.manifest('packages/idx')
      for (const folder of [reader, loader]) {
        await npmIn(folder, 'update')
        expectSame('the version', await installedVersion(folder, '@digitlab/idx'), version)
      }
      return `@digitlab/idx ${first.get('@digitlab/idx')} to ${version}`
    })
  await attempt('update', 'a minor version takes along what depends on it', async () => {
    const dependants = publishedPackages(tree.folder)
      .filter(({ manifest }) => '@digitlab/random' in dependenciesOf(manifest))
      .map(({ name }) => name)
    const released = await releaseBump('@digitlab/random', 'minor')
    const expected = ['@digitlab/random', ...dependants]
    for (const name of expected)
      expectThat(released.includes(name), `${name} was not released, it depends on the old one`)
    return released.join(', ')
  })
  await attempt('update', 'every published range takes the newest of what it names', async () => {
    const newest = versionsNow()
    for (const name of newest.keys()) {
      const { tags, manifests } = await lookUp(registry.url, name)
      expectSame(`the tag latest of ${name}`, tags.latest, newest.get(name))
      for (const [needed, range] of Object.entries(dependenciesOf(manifests[tags.latest])))
        if (newest.has(needed))
          expectThat(
            satisfies(newest.get(needed), range),
            `${name} asks for ${needed} ${range}, the newest is ${newest.get(needed)}`,
          )
    }
  })
  await attempt('update', 'npm update brings it with its dependants, once', async () => {
    await npmIn(loader, 'update')
    const version = versionsNow().get('@digitlab/random')
    expectSame(
      'the version of @digitlab/data',
      await installedVersion(loader, '@digitlab/data'),
      versionsNow().get('@digitlab/data'),
    )
    const tree = JSON.parse(await npmIn(loader, 'ls', '--all', '--json'))
    expectSame('the copies of @digitlab/random', copiesOf(tree, '@digitlab/random'), [
      `/@digitlab/data/@digitlab/random@${version}`,
    ])
    return `@digitlab/random ${first.get('@digitlab/random')} to ${version}`
  })
}
