// The options for what an experiment chooses by name. Each follows from the tables of `train`: an entry there is an option here.
import type { Option as TableOption, OptionTable } from '@digitlab/models'
import { lossTypes, optimizerTypes, scheduleTypes, type ExperimentInput } from '@digitlab/train/experiment'
import { Option, type Command } from 'commander'
import { nearest } from './nearest'
import { flagOf, flagsOf, valueOf } from './table-option'
import { OptionError, UsageError } from './usage-error'

/** What can be chosen by name: its options are told from those of others of its kind by the name. */
interface Choosable {
  readonly name: string
  readonly says?: string | undefined
  readonly options: OptionTable
}

/** A kind of what can be chosen. */
export interface ChoiceKind {
  /** In an experiment: 'schedule'. */
  readonly what: 'optimizer' | 'schedule' | 'loss'
  readonly says: string
  readonly types: readonly Choosable[]
  /** What "digitlab help" lists them under. */
  readonly topic: string
  /** Begins the names of its options: --schedule-gamma. */
  readonly prefix: string
  /** Names that stand for another one with options. */
  readonly short: Readonly<Record<string, { readonly name: string; readonly [option: string]: unknown }>>
}

export const choiceKinds = {
  optimizer: {
    what: 'optimizer',
    topic: 'optimizers',
    says: 'how gradients update the weights',
    types: optimizerTypes,
    prefix: '',
    short: { momentum: { name: 'sgd', momentum: 0.9 } },
  },
  schedule: {
    what: 'schedule',
    topic: 'schedules',
    says: 'how the learning rate changes; constant by default',
    types: scheduleTypes,
    prefix: 'schedule-',
    short: {},
  },
  loss: { what: 'loss', topic: 'losses', says: 'the loss to minimize', types: lossTypes, prefix: 'loss-', short: {} },
} as const satisfies Record<string, ChoiceKind>

const kinds: readonly ChoiceKind[] = Object.values(choiceKinds)

/** '0 by default'; '0.1 for sgd; 0.001 for adam, nadam'; 'adam: 0.9'. */
const defaultsOf = (kind: ChoiceKind, holders: readonly Choosable[], option: string): string => {
  const groups = new Map<string, string[]>()
  for (const { name, options } of holders) {
    const { presence, default: usual } = options[option] as TableOption // they hold it
    const words = presence === 'defaulted' ? String(usual) : presence
    groups.set(words, [...(groups.get(words) ?? []), name])
  }
  const [[usual, names] = ['', []], ...others] = groups
  if (others.length > 0) return [...groups].map(([usual, names]) => `${usual} for ${names.join(', ')}`).join('; ')
  if (holders.length < kind.types.length) return `${names.join(', ')}: ${usual}`
  return usual === 'required' || usual === 'optional' ? usual : `${usual} by default`
}

/** Every option that some type of the kind has, once. */
const optionsOf = (kind: ChoiceKind): Option[] => {
  const names = [...new Set(kind.types.flatMap(({ options }) => Object.keys(options)))]
  return names.map((name) => {
    const holders = kind.types.filter(({ options }) => Object.hasOwn(options, name))
    const first = holders[0]?.options[name] as TableOption // it is a name of theirs
    const says = `${first.says ?? name} (${defaultsOf(kind, holders, name)})`
    return new Option(flagsOf(name, first, kind.prefix), says)
  })
}

/** Adds the options for optimizer, schedule and loss to a command. */
export const addChoices = (command: Command): Command => {
  for (const kind of kinds) {
    const names = [...kind.types.map(({ name }) => name), ...Object.keys(kind.short)]
    const usual = kind.what === 'schedule' ? '' : ` (default: "${kind.types[0]?.name}")`
    command.addOption(
      new Option(
        `--${kind.what} <name>`,
        `${kind.says}: ${names.join(', ')}${usual}; see "digitlab help ${kind.topic}"`,
      ),
    )
    for (const option of optionsOf(kind)) command.addOption(option)
  }
  // What everybody types first.
  command.addOption(new Option('--lr <x>', 'the same as --learning-rate').hideHelp())
  command.on('option:lr', (text: string) => command.setOptionValueWithSource('learningRate', text, 'cli'))
  return command
}

/** The attributes that commander keeps these options under. */
export const choiceAttributes: readonly string[] = kinds.flatMap((kind) => [
  kind.what,
  ...optionsOf(kind).map((option) => option.attributeName()),
])

/** What a command line says of a kind. */
export interface ChoiceFlags {
  readonly optimizer?: string
  readonly schedule?: string
  readonly loss?: string
}

/**
 * What the flags choose of a kind, its options as they were given; undefined if it is not mentioned.
 *
 * @param base what was chosen before, which options alone add to
 * @throws OptionError if a name, an option or a value is unknown
 */
const chosen = (
  kind: ChoiceKind,
  flags: ChoiceFlags,
  base?: { readonly name: string },
): Record<string, unknown> | undefined => {
  const { what, types, short } = kind
  const named = flags[what]
  const shorthand = named === undefined ? undefined : short[named]
  const name = shorthand?.name ?? named ?? base?.name ?? (what === 'schedule' ? undefined : types[0]?.name)
  const type = types.find((each) => each.name === name)
  if (name !== undefined && !type && name !== base?.name) {
    const names = [...types.map((each) => each.name), ...Object.keys(short)]
    throw new OptionError(`there is no ${what} "${name}"${nearest(name, names)}: choose one of ${names.join(', ')}`)
  }
  const given: Record<string, unknown> = {}
  for (const option of optionsOf(kind)) {
    const text = (flags as Readonly<Record<string, string | true | undefined>>)[option.attributeName()]
    if (text === undefined) continue
    const flag = option.long ?? ''
    const key = Object.keys(type?.options ?? {}).find((each) => flagOf(each, kind.prefix) === flag)
    const entry = key === undefined ? undefined : type?.options[key]
    if (key === undefined || !entry) throw new UsageError(misplaced(kind, flag, name))
    const value = valueOf(entry, text)
    if (!entry.fits(value)) throw new OptionError(`${flag} must be ${entry.allowed}, not ${text}`)
    given[key] = value
  }
  if (named === undefined && Object.keys(given).length === 0) return undefined
  return { ...shorthand, ...given, name }
}

/** An option without the name that it belongs to. */
const misplaced = (kind: ChoiceKind, flag: string, name: string | undefined): string => {
  const holders = kind.types.filter(({ options }) =>
    Object.keys(options).some((key) => flagOf(key, kind.prefix) === flag),
  )
  const theirs = holders.map((type) => type.name)
  const choose = theirs.map((each) => `--${kind.what} ${each}`).join(' or ')
  return name === undefined
    ? `${flag} belongs to a ${kind.what}, and none is named: add ${choose}`
    : `${flag} belongs to ${theirs.join(', ')}, and the ${kind.what} is ${name}: leave it out, or choose ${choose}`
}

/**
 * What the flags say of optimizer, schedule and loss, where a recipe or a run says `theirs`: options alone are those of what that has. What
 * they leave open is filled in by the experiment.
 */
export const changedChoices = (
  theirs: Pick<ExperimentInput, 'optimizer' | 'schedule' | 'loss'>,
  flags: ChoiceFlags,
): Pick<ExperimentInput, 'optimizer' | 'schedule' | 'loss'> => {
  const changed = kinds.flatMap((kind) => {
    const before = theirs[kind.what] as { readonly name: string } | undefined
    const given = chosen(kind, flags, before)
    return given ? [[kind.what, before?.name === given['name'] ? { ...before, ...given } : given]] : []
  })
  return Object.fromEntries(changed) as Pick<ExperimentInput, 'optimizer' | 'schedule' | 'loss'>
}
