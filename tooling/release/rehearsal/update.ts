// What changes afterwards: a patch arrives by itself, a minor version takes what depends on it along.
import { join } from 'node:path'
import { satisfies } from 'semver'
import { readManifest } from '../../packages/published'
import { npm, type Command } from '../shell'
import { dependenciesOf, publishedPackages, versionsIn } from '../packages'
import { lookUp } from '../registry'
import { expectSame, expectThat, type World } from './parts'
import { addChangeset, expectSuccess } from './publishing'
import { breakPackage, installBeforeUpgrade, tryUpgrade, upgradeNote } from './upgrade'

const installedVersion = (folder: string, name: string) => readManifest(join(folder, 'node_modules', name)).version

interface Listed {
  readonly version?: string
  readonly dependencies?: Readonly<Record<string, Listed>>
}

/** What `npm ls` calls a copy of a package, with where it is. */
const copiesOf = (tree: Listed, name: string, at = ''): string[] =>
  Object.entries(tree.dependencies ?? {}).flatMap(([key, one]) => [
    ...(key === name && one.version !== undefined ? [`${at}/${key}@${one.version}`] : []),
    ...copiesOf(one, name, `${at}/${key}`),
  ])

export const tryUpdate = async (world: World): Promise<void> => {
  const { attempt, tree, team, registry, quick } = world
  const upgraders = quick ? [] : await installBeforeUpgrade(world)
  const versionsNow = () => versionsIn(tree.folder)
  const first = versionsNow()
  const range = (name: string) => ({ [name]: `^${first.get(name)}` })
  const reader = await team.project('update-idx', { dependencies: range('@digitlab/idx') })
  const loader = await team.project('update-data', { dependencies: range('@digitlab/data') })
  const npmIn = (folder: string, ...args: Command) => team.execute([...npm(), ...args], folder)

  /** Releases a bump of one package. @returns the names of what got another version */
  const releaseBump = async (name: string, bump: 'patch' | 'minor', change?: string) => {
    const before = versionsNow()
    await addChangeset(tree, name, bump, change)
    expectSuccess(await tree.release('--no-test', '--no-build'))
    const now = versionsNow()
    return [...now.keys()].filter((name) => now.get(name) !== before.get(name)).toSorted()
  }

  const ready = await attempt('update', 'installed by its old versions', async () => {
    // One alone is for the patch, and brings @digitlab/idx along.
    for (const folder of quick ? [loader] : [reader, loader]) {
      await npmIn(folder, 'install')
      expectSame('the version', installedVersion(folder, '@digitlab/idx'), first.get('@digitlab/idx'))
    }
  })
  if (!ready) return
  if (!quick)
    await attempt('update', 'a patch is published alone, and npm update brings it to all', async () => {
      expectSame('what was released', await releaseBump('@digitlab/idx', 'patch'), ['@digitlab/idx'])
      const { version } = tree.manifest('packages/idx')
      for (const folder of [reader, loader]) {
        await npmIn(folder, 'update')
        expectSame('the version', installedVersion(folder, '@digitlab/idx'), version)
      }
      return `@digitlab/idx ${first.get('@digitlab/idx')} to ${version}`
    })
  await attempt('update', 'a minor version takes along what depends on it', async () => {
    const dependants = publishedPackages(tree.folder)
      .filter(({ manifest }) => '@digitlab/random' in dependenciesOf(manifest))
      .map(({ name }) => name)
    await breakPackage(tree)
    const released = await releaseBump('@digitlab/random', 'minor', upgradeNote)
    const expected = ['@digitlab/random', ...dependants]
    for (const name of expected)
      expectThat(released.includes(name), `${name} was not released, it depends on the old one`)
    return released.join(', ')
  })
  await attempt('update', 'every published range takes the newest of what it names', async () => {
    const newest = versionsNow()
    for (const [name, version] of newest) {
      const { tags, manifests } = await lookUp(registry.url, name)
      expectSame(`the tag latest of ${name}`, tags['latest'], version)
      for (const [needed, range] of Object.entries(dependenciesOf(manifests[version] ?? {}))) {
        const there = newest.get(needed)
        if (there !== undefined)
          expectThat(satisfies(there, range), `${name} asks for ${needed} ${range}, the newest is ${there}`)
      }
    }
  })
  await attempt('update', 'npm update brings it with its dependants, once', async () => {
    await npmIn(loader, 'update')
    const version = versionsNow().get('@digitlab/random')
    expectSame(
      'the version of @digitlab/data',
      installedVersion(loader, '@digitlab/data'),
      versionsNow().get('@digitlab/data'),
    )
    const tree = JSON.parse(await npmIn(loader, 'ls', '--all', '--json')) as Listed
    expectSame('the copies of @digitlab/random', copiesOf(tree, '@digitlab/random'), [
      `/@digitlab/data/@digitlab/random@${version}`,
    ])
    return `@digitlab/random ${first.get('@digitlab/random')} to ${version}`
  })
  if (!quick) await tryUpgrade(world, upgraders)
}
