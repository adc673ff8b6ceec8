// What can be typed where, read from the commands themselves and from the tables that check their values.
import { backendsOf } from '@digitlab/backends'
import { archivedNames, catalogueNames, datasetNames } from '@digitlab/data'
import { modelNames } from '@digitlab/models'
import { figureChoices } from '@digitlab/report'
import { augmentationTypes } from '@digitlab/train/experiment'
import type { Command, Option } from 'commander'
import { choiceKinds, type ChoiceKind } from '../choices'
import { reportFormats } from '../report-files'

/** An option, or a word that stands for itself. */
export interface Word {
  readonly word: string
  readonly says: string
}

/** What follows an option: nothing, one of some words, or whatever it is (a file, for a shell). */
export interface OptionWords {
  readonly names: readonly string[]
  readonly says: string
  readonly takes: 'nothing' | 'anything' | readonly string[]
}

/** What may follow one command. */
export interface CommandWords {
  /** The words that lead to it: `sweep status`; empty for the program itself. */
  readonly path: string
  readonly commands: readonly Word[]
  readonly options: readonly OptionWords[]
  /** Words that its arguments may be; empty where they are files, or numbers. */
  readonly values: readonly string[]
}

const kinds: readonly ChoiceKind[] = Object.values(choiceKinds)
const backendIds = ['auto', ...backendsOf('command')]
const allDatasets = [...new Set(['auto', ...datasetNames, ...archivedNames])]

/** Values by option; those with `choices` say them themselves. */
const valuesOf: Readonly<Record<string, readonly string[]>> = {
  '--model': modelNames,
  '--models': modelNames,
  '--dataset': allDatasets,
  '--backend': backendIds,
  '--backends': backendIds,
  '--workers': ['auto'],
  '--augment': augmentationTypes.map(({ name }) => name),
  '--figures': figureChoices.map(({ id }) => id),
  '--format': reportFormats,
  ...Object.fromEntries(
    kinds.map(({ what, types, short }) => [`--${what}`, [...types.map(({ name }) => name), ...Object.keys(short)]]),
  ),
}

/** Values by what an argument is called. */
const argumentValues: Readonly<Record<string, readonly string[]>> = { model: modelNames, name: catalogueNames }

/** One short line: a shell shows it beside the word. */
const brief = (text: string): string => {
  const [first = ''] = text.split(/[:;.(\n]/)
  return first.trim().slice(0, 72)
}

const optionWords = (option: Option): OptionWords => ({
  names: [option.short, option.long].filter((name) => name !== undefined && name !== null),
  says: brief(option.description),
  takes:
    !option.required && !option.optional ? 'nothing' : (option.argChoices ?? valuesOf[option.long ?? ''] ?? 'anything'),
})

/** Every command of a program with what may follow it, the program itself first. */
export const wordsOf = (program: Command, path: readonly string[] = []): CommandWords[] => {
  const help = program.createHelp()
  const commands = help.visibleCommands(program)
  const options = [...help.visibleOptions(program)].map(optionWords)
  const values = program.registeredArguments.flatMap(
    (argument) => argument.argChoices ?? argumentValues[argument.name()] ?? [],
  )
  return [
    {
      path: path.join(' '),
      commands: commands.map((command) => ({ word: command.name(), says: brief(command.description()) })),
      options,
      values,
    },
    ...commands
      .filter((command) => command.name() !== 'help')
      .flatMap((command) => wordsOf(command, [...path, command.name()])),
    ...commands
      .filter((command) => command.name() === 'help')
      .map(() => ({
        path: [...path, 'help'].join(' '),
        commands: [],
        options: [],
        values: commands.map((each) => each.name()),
      })),
  ]
}
