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

/** Whether the built command loads tfjs for a command line: that makes its engine where it is loaded, and leaves it with the process. */
const loadsTfjs = (...argv: readonly string[]): boolean => {
  const program = `
    const { main } = await import(${JSON.stringify(new URL('../dist/main.js', import.meta.url).href)})
    const write = process.stdout.write
    process.stdout.write = () => true
    await main(${JSON.stringify(argv)})
    process.stdout.write = write
    console.log('_tfengine' in globalThis)`
  const node = ['--input-type=module', '--eval', program]
  const { stdout, stderr } = spawnSync(process.execPath, node, { encoding: 'utf8', cwd: import.meta.dirname })
  expect(stdout, stderr).toMatch(/^(true|false)\n$/)
  return stdout === 'true\n'
}

test.each([[['--version']], [['--help']], [['help', 'train']], [['help', 'optimizers']], [['runs', '--help']]])(
  'nothing that computes is loaded for %j',
  (argv) => {
    expect(loadsTfjs(...argv)).toBe(false)
  },
)

test('what computes is loaded by what computes', () => {
  expect(loadsTfjs('backends', '--json')).toBe(true)
})
