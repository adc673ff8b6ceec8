// What is made of a data set before it is used, as options: they become a part of its name.
import { parsePreparedName, preparedName, DataError } from '@digitlab/data'
import { Option, type Command } from 'commander'
import { OptionError } from './usage-error'

interface Part {
  readonly flags: string
  readonly what: string
  /** What stands behind the data set's name. */
  readonly word: string
}

const parts: readonly Part[] = [
  {
    flags: '--test-split <part>',
    what: 'set a part of the training images aside, as 0.1, where there are none to test on',
    word: 'test',
  },
  { flags: '--image-size <size>', what: 'bring images to a size, as 28x28', word: 'size' },
  { flags: '--as-mnist', what: "bring each image into MNIST's form", word: 'as-mnist' },
  { flags: '--pixel-range <low,high>', what: 'what is black and white in float images: 0,1 or -1,1', word: 'range' },
  {
    flags: '--channels <n>',
    what: 'values of a pixel: 1, grey, as colours become unless said, or 3, which keeps them',
    word: 'channels',
  },
  { flags: '--transpose', what: 'turn rows into columns, as EMNIST needs it', word: 'transpose' },
  { flags: '--invert', what: 'for dark ink on a light ground', word: 'invert' },
  { flags: '--classes <names>', what: 'take these classes alone, as 0,1,7', word: 'classes' },
  { flags: '--limit <n>', what: 'take at most so many images to train on, and to test on', word: 'limit' },
]

/** What commands are given that load a data set of one's own. */
export interface PreparationFlags {
  readonly classNames?: string
}

/** Adds options that say what is made of the data set; who reads --dataset finds them behind its name. */
export const addPreparation = (command: Command): Command => {
  const options = parts.map(({ flags, what, word }) => ({ option: new Option(flags, what), word }))
  for (const { option } of options) command.addOption(option)
  command.addOption(
    new Option(
      '--class-names <file>',
      "names of the classes, instead of those beside the data: EMNIST's mapping, a name a line, JSON",
    ),
  )
  return command.hook('preAction', (_, acting) => {
    const said = options.flatMap(({ option, word }) => {
      const value: unknown = acting.getOptionValue(option.attributeName())
      return value === undefined ? [] : [typeof value === 'string' ? `${word}=${value}` : word]
    })
    if (said.length === 0) return
    const dataset = String(acting.getOptionValue('dataset') ?? 'auto')
    try {
      const { name, preparation, sha256 } = parsePreparedName(
        `${dataset}${dataset.includes('#') ? '&' : '#'}${said.join('&')}`,
      )
      acting.setOptionValueWithSource(
        'dataset',
        `${preparedName(name, preparation)}${sha256 === undefined ? '' : `&sha256=${sha256}`}`,
        'cli',
      )
    } catch (cause) {
      if (cause instanceof DataError) throw new OptionError(cause.message, { cause })
      throw cause
    }
  })
}
