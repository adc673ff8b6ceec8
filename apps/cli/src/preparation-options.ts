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
    what: 'use this share of the training images, such as 0.1, as test images if there are none',
    word: 'test',
  },
  { flags: '--image-size <size>', what: 'resize images, such as 28x28', word: 'size' },
  { flags: '--as-mnist', what: "convert each image to MNIST's form", word: 'as-mnist' },
  { flags: '--pixel-range <low,high>', what: 'black and white in float images: 0,1 or -1,1', word: 'range' },
  {
    flags: '--channels <n>',
    what: 'channels: 1 converts colours to grey (default), 3 keeps them',
    word: 'channels',
  },
  { flags: '--transpose', what: 'swap rows and columns, as EMNIST needs', word: 'transpose' },
  { flags: '--invert', what: 'for dark ink on a light background', word: 'invert' },
  { flags: '--classes <names>', what: 'keep only these classes, such as 0,1,7', word: 'classes' },
  { flags: '--limit <n>', what: 'keep at most this many training and test images', word: 'limit' },
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
