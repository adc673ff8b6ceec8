// What is made of a data set before it is used, said behind its name: mnist#classes=0,1,7&limit=1000. It is part of the name, so that
// an experiment says all that decides its images.
import { catalogueEntry } from './catalogue'
import { DataError } from './data-error'

/** How a data set is prepared before it is used. */
export interface Preparation {
  /** The part of the training images that is set aside to test on, where there are no others: between 0 and 1. */
  readonly test?: number
  /** The size that images are brought to, [height, width]; of a table without one, the size that they have. */
  readonly size?: readonly [height: number, width: number]
  /** Each image is brought into MNIST's form, as a picture of one digit. */
  readonly asMnist?: boolean
  /** What of float images becomes 0 and 255: [0, 1] or [-1, 1]. */
  readonly range?: readonly [low: number, high: number]
  /** How many values a pixel has: colours become grey (1) unless they are to be kept (3), when grey images get three equal ones. */
  readonly channels?: 1 | 3
  /** Rows become columns, as EMNIST has them. */
  readonly transpose?: boolean
  /** 255 - pixel, for dark ink on a light ground. */
  readonly invert?: boolean
  /** Classes that are taken, by name, in this order; others are left out. */
  readonly classes?: readonly string[]
  /** The most images of each split that are taken: the first. */
  readonly limit?: number
}

type Key = keyof Preparation

const flag = {
  read: (text: string) => (text === '' ? true : undefined),
  write: () => '',
  expected: 'nothing behind it',
}

const numberIn = (text: string, fits: (value: number) => boolean): number | undefined =>
  /^-?\d+(\.\d+)?$/.test(text) && fits(Number(text)) ? Number(text) : undefined

/** How each is written behind a name, in the order in which it is done. */
const words: {
  readonly [K in Key]-?: {
    readonly word: string
    readonly read: (text: string) => Preparation[K] | undefined
    readonly write: (value: never) => string
    readonly expected: string
  }
} = {
  test: {
    word: 'test',
    read: (text) => numberIn(text, (value) => value > 0 && value < 1),
    write: String,
    expected: 'a part between 0 and 1, as 0.1',
  },
  size: {
    word: 'size',
    read: (text) => {
      const sides = text
        .split('x')
        .map((side) => numberIn(side, (value) => Number.isInteger(value) && value >= 1 && value <= 4096))
      const [height, width = height] = sides
      return sides.length <= 2 && height !== undefined && width !== undefined ? [height, width] : undefined
    },
    write: ([height, width]: readonly [number, number]) => `${height}x${width}`,
    expected: 'height and width from 1 to 4096, as 28x28',
  },
  asMnist: { word: 'as-mnist', ...flag },
  range: {
    word: 'range',
    read: (text) => {
      const ends = text.split(',').map((end) => numberIn(end, () => true))
      const [low, high] = ends
      return ends.length === 2 && low !== undefined && high !== undefined && low < high ? [low, high] : undefined
    },
    write: (range: readonly [number, number]) => range.join(','),
    expected: 'what becomes black and white, as 0,1 or -1,1',
  },
  channels: {
    word: 'channels',
    read: (text) => (text === '1' ? 1 : text === '3' ? 3 : undefined),
    write: String,
    expected: '1, which is grey, or 3',
  },
  transpose: { word: 'transpose', ...flag },
  invert: { word: 'invert', ...flag },
  classes: {
    word: 'classes',
    read: (text) => {
      const names = text.split(',').map((name) => decodeURIComponent(name).trim())
      return names.length > 1 && names.every((name) => name !== '') && new Set(names).size === names.length
        ? names
        : undefined
    },
    write: (names: readonly string[]) => names.map(encodeName).join(','),
    expected: 'two classes or more, each once, as 0,1,7',
  },
  limit: {
    word: 'limit',
    read: (text) => numberIn(text, (value) => Number.isInteger(value) && value >= 1),
    write: String,
    expected: 'how many images, from 1',
  },
}

const keys = Object.keys(words) as readonly Key[]

/** A class's name within a list: letters stay as they are, in whatever language. */
const encodeName = (name: string): string =>
  name.replace(/[%,&#=/\\]/g, (letter) => `%${letter.charCodeAt(0).toString(16).padStart(2, '0')}`)

/** The name of a data set with its preparation, always written the same way. */
export const preparedName = (name: string, preparation: Preparation): string => {
  const said = keys.flatMap((key) => {
    const value = preparation[key]
    if (value === undefined || value === false) return []
    const { word, write } = words[key]
    const text = write(value as never)
    return [text === '' ? word : `${word}=${text}`]
  })
  return said.length === 0 ? name : `${name}#${said.join('&')}`
}

/**
 * Takes a name apart that {@link preparedName} or a person has put together.
 *
 * @throws DataError naming the word that is unknown, or whose value is not as expected
 */
export const parsePreparedName = (
  whole: string,
): { readonly name: string; readonly preparation: Preparation; readonly sha256?: string } => {
  const at = whole.indexOf('#')
  if (at < 0) return { name: whole, preparation: {} }
  const preparation: Record<string, unknown> = {}
  let sha256: string | undefined
  for (const part of whole.slice(at + 1).split('&')) {
    const [word = '', ...rest] = part.split('=')
    const text = rest.join('=')
    if (word === 'sha256') {
      if (!/^[0-9a-f]{64}$/i.test(text)) throw wrong(word, text, '64 hexadecimal digits')
      sha256 = text.toLowerCase()
      continue
    }
    const key = keys.find((one) => words[one].word === word)
    if (!key)
      throw new DataError(
        `"${word}" after # in "${whole}" is not something that can be done to a data set: choose among ${keys.map((one) => words[one].word).join(', ')}`,
      )
    let value: unknown
    try {
      value = words[key].read(text)
    } catch {
      value = undefined // no sound encoding of a name
    }
    if (value === undefined) throw wrong(word, text, words[key].expected)
    preparation[key] = value
  }
  return { name: whole.slice(0, at), preparation, ...(sha256 === undefined ? {} : { sha256 }) }
}

const wrong = (word: string, found: string, expected: string): DataError =>
  new DataError(`expected ${expected} for "${word}" of a data set, found ${found === '' ? 'nothing' : `"${found}"`}`)

/** A name without the folder before it, what says a format behind it, and the hash that it is held to. */
const bare = (whole: string): { readonly name: string; readonly endings: string; readonly made: string } => {
  const [path = '', ...made] = whole.split('#')
  const name = path.replace(/[\\/]+$/, '').replace(/^.*[\\/]/, '')
  const endings = name.replace(/\.gz$/i, '').replace(/\.[^.]+$/, '')
  return {
    name,
    endings,
    made: made
      .join('#')
      .split('&')
      .filter((part) => !part.startsWith('sha256='))
      .join('&'),
  }
}

/**
 * Whether a data set of this name is the one that somebody names by a path, an address or its name: `digits/train.csv#test=0.1` is
 * `train#test=0.1`. '.' and '..' name any.
 */
export const namesDataset = (said: string, name: string): boolean => {
  const [wanted, found] = [bare(said), bare(name)]
  if (wanted.made !== found.made) return false
  if (
    ['', '.', '..', found.name, found.name.replace(/^own-/, '')].includes(wanted.name) ||
    wanted.endings === found.name
  )
    return true
  // Files of a known data set have its name, whatever they are called.
  return catalogueEntry(found.name) !== undefined && catalogueEntry(wanted.name) === undefined
}

/** Whether a data set is used as it is, without preparation. */
export const isPlain = (preparation: Preparation): boolean => keys.every((key) => preparation[key] === undefined)
