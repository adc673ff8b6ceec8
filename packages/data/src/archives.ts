// Data sets that have a name and are no four IDX files where they are kept: EMNIST, an archive of several sets; Kuzushiji-49, arrays of
// NumPy; MNIST-C, a folder of arrays for each corruption. No mirror of them is known to let a page read it.
import type { Preparation } from './preparation'

/** The expected size and hash of a file; absent if nobody has published them. */
export interface KnownFile {
  readonly name: string
  /** Addresses, in the order in which they are tried. */
  readonly urls: readonly string[]
  readonly sha256?: string
  /** Against damage on the way: MD5 is what has been published of some. */
  readonly md5?: string
}

/** A data set by its name, and how it is read from its files. */
export interface ArchivedSet {
  readonly name: string
  readonly title: string
  /** The folder in the cache that its files are kept in; sets of one archive share it. */
  readonly folder: string
  readonly files: readonly KnownFile[]
  /** Which of the sets in the archive. */
  readonly set?: string
  readonly preparation: Preparation
  /** Names by label as it is stored. */
  readonly classNames: ReadonlyMap<number, string>
  /** Its form, which it is held to: images to train on and to test on. */
  readonly counts: readonly [train: number, test: number]
  /** What it consists of, where it is several: `mnist-c/fog`. */
  readonly variants?: readonly string[]
}

const numbered = (names: Iterable<string>, from = 0): ReadonlyMap<number, string> =>
  new Map([...names].map((name, i) => [i + from, name]))

/** Source: G. Cohen, S. Afshar, J. Tapson, A. van Schaik, "EMNIST: an extension of MNIST to handwritten letters" (2017); NIST. */
const emnist = (
  set: string,
  what: string,
  classNames: ReadonlyMap<number, string>,
  counts: readonly [number, number],
): ArchivedSet => ({
  name: `emnist-${set}`,
  title: `EMNIST ${what}`,
  folder: 'emnist',
  files: [
    {
      name: 'gzip.zip',
      urls: ['https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip'],
      md5: '58c8d27c78d21e728a6bc7b3cc06412e', // as torchvision holds it to
    },
  ],
  set: `emnist-${set}`,
  preparation: { transpose: true },
  classNames,
  counts,
})

const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/** Data sets that come in one archive or in files of another format, by name: where they are, and how they are verified. */
export const archivedSets: Readonly<
  Record<'emnist-letters' | 'emnist-balanced' | 'emnist-digits' | 'k49' | 'mnist-c', ArchivedSet>
> = {
  'emnist-letters': emnist('letters', 'letters', numbered(upper, 1), [124_800, 20_800]),
  // Lower-case letters that look like their capitals are counted with them.
  'emnist-balanced': emnist('balanced', 'balanced', numbered(`0123456789${upper}abdefghnqrt`), [112_800, 18_800]),
  'emnist-digits': emnist('digits', 'digits', numbered('0123456789'), [240_000, 40_000]),
  // Source: T. Clanuwat and others, "Deep learning for classical Japanese literature" (2018).
  k49: {
    name: 'k49',
    title: 'Kuzushiji-49',
    folder: 'k49',
    files: (
      [
        ['k49-train-imgs.npz', '7ac088b20481cf51dcd01ceaab89d821'],
        ['k49-train-labels.npz', '44a8e1b893f81e63ff38d73cad420f7a'],
        ['k49-test-imgs.npz', 'd352e201d846ce6b94f42c990966f374'],
        ['k49-test-labels.npz', '4da6f7a62e67a832d5eb1bd85c5ee448'],
      ] as const
    ).map(([name, md5]) => ({
      name,
      urls: [`https://codh.rois.ac.jp/kmnist/dataset/k49/${name}`, `http://codh.rois.ac.jp/kmnist/dataset/k49/${name}`],
      md5,
    })),
    preparation: {},
    classNames: numbered(
      'あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわゐゑをんゝ',
    ),
    counts: [232_365, 38_547],
  },
  // Source: N. Mu, J. Gilmer, "MNIST-C: a robustness benchmark for computer vision" (2019).
  'mnist-c': {
    name: 'mnist-c',
    title: 'MNIST-C',
    folder: 'mnist-c',
    files: [
      {
        name: 'mnist_c.zip',
        urls: ['https://zenodo.org/record/3239543/files/mnist_c.zip'],
        sha256: 'af9ee8c6a815870c7fdde5af84c7bf8db0bcfa1f41056db83871037fba70e493',
      },
    ],
    preparation: {},
    classNames: numbered('0123456789'),
    counts: [60_000, 10_000],
    variants: [
      ...['identity', 'brightness', 'canny_edges', 'dotted_line', 'fog', 'glass_blur', 'impulse_noise', 'motion_blur'],
      ...['rotate', 'scale', 'shear', 'shot_noise', 'spatter', 'stripe', 'translate', 'zigzag'],
    ],
  },
}

/** A name of {@link archivedSets}. */
export type ArchivedName = keyof typeof archivedSets

/** All names of {@link archivedSets}, in their order. */
export const archivedNames = Object.keys(archivedSets) as readonly ArchivedName[]

/** A set by its name, or by that and one of its variants (`mnist-c/fog`); undefined if there is none. */
export const archivedSet = (name: string): { readonly set: ArchivedSet; readonly variant?: string } | undefined => {
  const [first = '', variant, ...more] = name.split('/')
  const set = Object.hasOwn(archivedSets, first) ? archivedSets[first as ArchivedName] : undefined
  if (!set || more.length > 0) return undefined
  if (variant === undefined) return { set }
  return set.variants?.includes(variant) ? { set, variant } : undefined
}
