import { spawnSync } from 'node:child_process'
import { Help } from 'commander'
import { expect, test } from 'vitest'
import { commandNames, listed, topicNames } from './commands/outline'
import { topicCommands } from './commands/topics'
import { createProgram } from './main'

test('the list of commands says what the commands say', async () => {
  const help = new Help()
  const lines = (program: Awaited<ReturnType<typeof createProgram>>) =>
    help
      .visibleCommands(program)
      .map((command) => [help.subcommandTerm(command), help.subcommandDescription(command)].join('  '))
  expect(lines(await createProgram([]))).toEqual(lines(await createProgram()))
  expect(commandNames.map((name) => listed(name).name())).toEqual(commandNames)
  expect(topicCommands().map((command) => command.name())).toEqual(topicNames)
})

/**
 * The command lines, of those that the built command runs in one process, behind which it has loaded tfjs: that makes its engine where it is
 * loaded, and leaves it with the process.
 */
const loadTfjs = (lines: readonly (readonly string[])[]): readonly (readonly string[])[] => {
  const program = `
    const { main } = await import(${JSON.stringify(new URL('../dist/main.js', import.meta.url).href)})
    const write = process.stdout.write
    process.stdout.write = () => true
    const loaded = []
    for (const argv of ${JSON.stringify(lines)}) {
      await main(argv)
      if ('_tfengine' in globalThis) loaded.push(argv)
    }
    process.stdout.write = write
    console.log(JSON.stringify(loaded))`
  const node = ['--input-type=module', '--eval', program]
  const { stdout, stderr } = spawnSync(process.execPath, node, { encoding: 'utf8', cwd: import.meta.dirname })
  expect(stdout, stderr).toMatch(/^\[.*\]\n$/)
  return JSON.parse(stdout) as string[][]
}

test('nothing that computes is loaded to help, to look and to refuse; what computes is loaded by what computes', () => {
  const lines = [
    ...[['--version'], ['--help'], ['help', 'train'], ['help', 'optimizers'], ['runs', '--help']],
    ...[
      ['sweep', 'status', 'nowhere'],
      ['sweep', '--models', 'linear', '--dataset', 'strokes', '--out', 'x', '--dry-run'],
    ],
    ...[
      ['data', 'info', 'nowhere'],
      ['report', 'nowhere'],
      ['show', '--dataset', 'nowhere'],
    ],
  ]
  const computing = ['backends', '--json']
  expect(loadTfjs([...lines, computing])).toEqual([computing])
})
