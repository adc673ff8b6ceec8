// The first release, which breaks off twice on its way; then a snapshot.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inc } from 'semver'
import { lookUp } from '../registry'
import { dependenciesOf, nameAndVersion, publishedPackages } from '../packages'
import type { Gate } from './gate'
import { expectSame, expectThat, type World } from './parts'
import type { Said, Tree } from './tree'

/** What a script said last: why it failed. */
const last = (said: string) => said.split('\n').findLast((line) => /^(release: |\w*Error)/.test(line)) ?? said

/** @throws Error with what a script said where it failed */
export const expectSuccess = ({ status, said }: Said): void => expectThat(status === 0, last(said))

/** Writes a changeset into a tree and commits it. */
export const addChangeset = async (
  tree: Tree,
  name: string,
  bump: 'patch' | 'minor',
  change = `A change that users of ${name} can see.`,
): Promise<void> => {
  const text = `---\n'${name}': ${bump}\n---\n\n${change}\n`
  await writeFile(join(tree.folder, '.changeset', 'a-rehearsed-change.md'), text)
  await tree.commit(`A change of ${name}`)
}

/** Publishes everything, by a registry that fails in the middle, until all is there. */
export const publishAll = async (
  world: Pick<World, 'attempt' | 'tree' | 'registry' | 'quick'>,
  gate: Gate,
): Promise<boolean> => {
  const { attempt, tree, registry, quick } = world
  const names = () => publishedPackages(tree.folder).map(({ name }) => name)
  const onRegistry = async () => {
    const found = await Promise.all(
      publishedPackages(tree.folder).map(async ({ name, version }) =>
        (await lookUp(registry.url, name)).versions.includes(version) ? [name] : [],
      ),
    )
    return found.flat()
  }
  const release = (...flags: string[]) => tree.release('--no-test', ...flags, '--registry', gate.url)
  const [refused, lost] = ['@digitlab/data', '@digitlab/train'] as const
  const dirty = join(tree.folder, 'packages', 'idx', 'forgotten.txt')

  await attempt('publish', 'a tree with changes is refused', async () => {
    await writeFile(dirty, '')
    const { status, said } = await release('--no-build')
    await rm(dirty)
    expectSame('the exit status', status, 1)
    expectThat(said.includes('packages/idx/forgotten.txt'), `the file is not named: ${last(said)}`)
    expectSame('what was published', await onRegistry(), [])
  })
  if (!quick)
    await attempt('publish', 'a dry run changes and sends nothing', async () => {
      const done = await release('--no-build', '--dry-run')
      expectSuccess(done)
      expectThat(done.said.includes(`${names().length} packages would be published`), last(done.said))
      const shown = [
        ...done.said.matchAll(/would publish (\S+) under the tag latest, ([\d.]+ kB) packed\n((?: {2}.*\n)+)/g),
      ]
      expectSame('the packages shown with their size and changes', shown.length, names().length)
      expectSame('what differs from the last commit', await tree.git('status', '--porcelain'), '')
      expectSame('what was sent', gate.sent, [])
      const width = Math.max(...shown.map(([, name = '']) => name.length))
      return shown.map(([, name = '', size = '', text]) => `${name.padEnd(width)}  ${size}\n${text}`).join('')
    })
  if (!quick && (await tree.git('ls-files', '.changeset/*.md')) !== '.changeset/README.md')
    await attempt('publish', 'versions whose commit is refused are taken back', async () => {
      const hook = join(tree.folder, '.git', 'hooks', 'pre-commit')
      await writeFile(hook, '#!/bin/sh\necho not today >&2\nexit 1\n', { mode: 0o755 })
      const { status, said } = await release('--no-build')
      await rm(hook)
      expectSame('the exit status', status, 1)
      expectThat(said.includes('not today'), last(said))
      expectSame('what differs from the last commit', await tree.git('status', '--porcelain'), '')
    })
  await attempt('publish', `${quick ? '' : 'built, and '}the registry refuses one in the middle`, async () => {
    gate.failAt(refused, 'refused')
    const { status, said } = await release(...(quick ? ['--no-build'] : []))
    expectSame('the exit status', status, 1)
    expectThat(said.includes(`${refused}@`) && said.includes('run the same command again'), last(said))
    const order = names()
    expectSame('what is published', await onRegistry(), order.slice(0, order.indexOf(refused)))
    expectSame('the tags', await tree.git('tag'), '')
  })
  if (!quick)
    await attempt('publish', 'run again, and an answer of the registry is lost', async () => {
      gate.failAt(lost, 'lost')
      const { status, said } = await release('--no-build')
      expectSame('the exit status', status, 1)
      const order = names()
      expectSame('what is published', await onRegistry(), order.slice(0, order.indexOf(lost) + 1))
      return said.split('\n').find((line) => line.includes('on the registry already'))
    })
  const complete = await attempt('publish', 'run again to the end, in the order of dependencies', async () => {
    const notes = `${tree.folder}-notes`
    expectSuccess(await release('--no-build', '--push', '--notes', notes))
    const packages = publishedPackages(tree.folder)
    expectSame('what is published', await onRegistry(), names())
    expectSame('how often each was sent', gate.sent.length, packages.length + 1) // the refused one twice
    for (const { name, manifest } of packages)
      for (const needed of Object.keys(dependenciesOf(manifest)).filter((needed) => names().includes(needed)))
        expectThat(gate.sent.lastIndexOf(needed) < gate.sent.indexOf(name), `${name} was sent before ${needed}`)
    const expected = packages.map(nameAndVersion)
    const pushed = (await tree.git('ls-remote', '--refs', 'origin')).split('\n').map((line) => line.split('\t')[1])
    expectSame(
      'what was pushed',
      pushed.toSorted(),
      ['heads/main', ...expected.map((tag) => `tags/${tag}`)].map((ref) => `refs/${ref}`).toSorted(),
    )
    expectSame('the pushed commit', await tree.git('rev-parse', 'origin/main'), await tree.git('rev-parse', 'HEAD'))
    expectSame('the tag of the notes', await readFile(join(notes, 'tag'), 'utf8'), expected.at(-1))
    const told = await readFile(join(notes, 'notes.md'), 'utf8')
    for (const { name, version } of packages) expectThat(told.includes(`${name} ${version}`), `the notes lack ${name}`)
    return packages.map(nameAndVersion).join(', ')
  })
  if (!quick)
    await attempt('publish', 'run once more, nothing is left to do', async () => {
      const before = gate.sent.length
      const done = await release('--no-build')
      expectSuccess(done)
      expectThat(done.said.includes('nothing to publish'), last(done.said))
      expectSame('how often something was sent', gate.sent.length, before)
    })
  return complete
}

/** A canary, of which neither the tree nor those who install the release see anything. */
export const publishSnapshot = ({ attempt, tree, registry }: World): Promise<boolean> =>
  attempt('snapshot', 'npm run release:snapshot, under the tag canary', async () => {
    await addChangeset(tree, '@digitlab/idx', 'minor')
    const { version } = tree.manifest('packages/idx')
    const head = await tree.git('rev-parse', 'HEAD')
    expectSuccess(await tree.release('--snapshot', '--no-test', '--no-build'))
    const { tags } = await lookUp(registry.url, '@digitlab/idx')
    expectSame('the tag latest', tags['latest'], version)
    const canary = tags['canary'] ?? 'nothing'
    expectThat(canary.startsWith(`${inc(version, 'minor')}-canary-`), `the tag canary is at ${canary}`)
    expectSame('what differs from the last commit', await tree.git('status', '--porcelain'), '')
    expectSame('the last commit', await tree.git('rev-parse', 'HEAD'), head)
    await tree.git('reset', '--hard', '--quiet', 'HEAD~1')
    return `@digitlab/idx@${canary}`
  })
