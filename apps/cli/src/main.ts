import { inspect } from 'node:util'
import { Command, CommanderError, Option } from 'commander'
import { version } from '../package.json'
import { clipped } from './clean'
import { commandNames, listed, topicNames, type CommandName } from './commands/outline'
import { Interrupted } from './interrupt'
import { commandOutput, complain, detail, speak, warn } from './output'
import { OptionError } from './usage-error'

/** What a command ends with. */
export const exitCodes = { done: 0, mendable: 1, usage: 2, bug: 70, interrupted: 130 } as const

/** Each with what it needs, where it is asked for. */
const loading: Readonly<Record<CommandName, () => Promise<Command>>> = {
  compare: async () => (await import('./commands/compare')).compareCommand(),
  sweep: async () => (await import('./commands/sweep')).sweepCommand(),
  runs: async () => (await import('./commands/runs')).runsCommand(),
  train: async () => (await import('./commands/train')).trainCommand(),
  evaluate: async () => (await import('./commands/evaluate')).evaluateCommand(),
  predict: async () => (await import('./commands/predict')).predictCommand(),
  convert: async () => (await import('./commands/convert')).convertCommand(),
  push: async () => (await import('./commands/push')).pushCommand(),
  parity: async () => (await import('./commands/parity')).parityCommand(),
  report: async () => (await import('./commands/report')).reportCommand(),
  show: async () => (await import('./commands/show')).showCommand(),
  serve: async () => (await import('./commands/serve')).serveCommand(),
  data: async () => (await import('./commands/data')).dataCommand(),
  backends: async () => (await import('./commands/backends')).backendsCommand(),
  init: async () => (await import('./commands/init')).initCommand(),
  doctor: async () => (await import('./commands/doctor')).doctorCommand(),
  completion: async () => (await import('./commands/completion')).completionCommand(createProgram),
}

/**
 * The program, with all of its commands loaded; for a command line with what that asks for, and the other commands as the list shows
 * them.
 */
export const createProgram = async (argv?: readonly string[]): Promise<Command> => {
  const program = new Command('digitlab')
    .description(
      'Train and compare the MNIST case study on whatever this machine has, with the same result as PyTorch.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command, or list what can be named')
    .showHelpAfterError('(add --help for what it takes)')
    .enablePositionalOptions() // so that options of "sweep" and of "sweep status" are not taken for each other's
    .addHelpText(
      'after',
      '\nFirst steps:\n  digitlab compare              the three models, side by side\n  digitlab train --model cnn    one of them\n  digitlab show                 the digits they learn from\n  digitlab serve                all of it on a page in the browser' +
        `\n\nNames and their options: digitlab help ${topicNames.join(', ')}`,
    )
  // No option of the program takes a value: the first word is a command's name, or that of "help" before one.
  const words = argv?.filter((word) => !word.startsWith('-')).slice(0, 2)
  const isAsked = (name: string) => words?.includes(name) ?? true
  for (const name of commandNames) program.addCommand(isAsked(name) ? await loading[name]() : listed(name))
  if (topicNames.some(isAsked)) {
    const { topicCommands } = await import('./commands/topics')
    for (const topic of topicCommands()) program.addCommand(topic, { hidden: true })
  }
  // Sub-commands do not inherit these by themselves when they are added whole.
  const everywhere = (command: Command) => {
    command.exitOverride().showHelpAfterError('(add --help for what it takes)').configureOutput(commandOutput)
    command.addOption(new Option('-q, --quiet', 'print the result and what went wrong, nothing else'))
    command.addOption(
      new Option('-v, --verbose', 'print more: what auto did not choose and why, the stack of an error'),
    )
    command.commands.forEach(everywhere)
  }
  everywhere(program)
  return program.hook('preAction', (_, acting) => {
    const { quiet, verbose } = acting.optsWithGlobals<{ quiet?: boolean; verbose?: boolean }>()
    if (quiet && verbose) throw new OptionError('--quiet and --verbose ask for opposites: leave one of them out')
    speak(quiet ? 'quiet' : verbose ? 'verbose' : 'normal')
  })
}

/** Whoever reads our output may stop before its end, as `head` does: nothing is left to do then. Anything else is said. */
const endWithoutOutput = (error: NodeJS.ErrnoException): never => {
  if (error.code === 'EPIPE') process.exit(exitCodes.done)
  complain(`could not write the result to standard output (${error.message}): make room there, or send it elsewhere`)
  process.exit(exitCodes.mendable)
}

/** Runs one command line as the whole program: without its own name; answers its exit code and never throws. */
export const main = async (argv: readonly string[]): Promise<number> => {
  process.stdout.on('error', endWithoutOutput)
  process.stderr.on('error', () => {}) // nobody can be told of that; the result and the exit code are still right
  return runCommand(argv)
}

/** One command line within a program: answers its exit code, with all that was wrong said on standard error. */
export const runCommand = async (argv: readonly string[]): Promise<number> => {
  speak('normal')
  try {
    await (await createProgram(argv)).parseAsync(argv, { from: 'user' })
    return exitCodes.done
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    if (error instanceof Interrupted) return exitCodes.interrupted
    const { isMendable } = await import('@digitlab/train/experiment')
    if (isMendable(error)) {
      const { adviceOn } = await import('./advice')
      complain(clipped(error.message))
      const advice = adviceOn(error)
      if (advice !== undefined) warn(`  ${advice}`)
      detail(inspect(error))
      return error instanceof OptionError ? exitCodes.usage : exitCodes.mendable
    }
    complain('this is a bug in digitlab; please report it with what follows and the command you gave.')
    warn(inspect(error))
    return exitCodes.bug
  }
}
