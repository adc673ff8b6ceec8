import type { DatasetFiles } from './dataset'

/** A file of a data set: what it is called, and how it is told from another. */
export interface CatalogueFile {
  /** As the mirrors have it. */
  readonly name: string
  /** Length and SHA-256 of the file as it is served, gzip. Undefined where no hash of it has been published. */
  readonly packed?: { readonly bytes: number; readonly sha256: string }
  /** SHA-256 of the bytes inside, where known. */
  readonly unpackedSha256?: string
}

/** A data set that has a name: where it is, and the size and hash of each of its files. */
export interface CatalogueEntry {
  readonly name: string
  readonly title: string
  /** torchvision's name of it, and of its folder. */
  readonly torchvision: string
  readonly classNames: readonly string[]
  /** Addresses that end in a slash, in the order in which they are tried. */
  readonly mirrors: readonly string[]
  /** Addresses that a browser may read from another page. */
  readonly browserMirrors: readonly string[]
  readonly files: DatasetFiles<CatalogueFile>
}

const digits = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']

const file = (name: string, bytes: number, sha256: string, unpackedSha256?: string): CatalogueFile => ({
  name,
  packed: { bytes, sha256 },
  ...(unpackedSha256 === undefined ? {} : { unpackedSha256 }),
})

/** The data sets that digitlab knows by name, all in MNIST's form. */
export const catalogue: Readonly<Record<'mnist' | 'fashion-mnist' | 'kmnist' | 'qmnist', CatalogueEntry>> = {
  mnist: {
    name: 'mnist',
    title: 'MNIST',
    torchvision: 'MNIST',
    classNames: digits,
    mirrors: [
      'https://ossci-datasets.s3.amazonaws.com/mnist/',
      'https://storage.googleapis.com/cvdf-datasets/mnist/',
      'https://cdn.jsdelivr.net/gh/fgnt/mnist/',
    ],
    browserMirrors: ['https://cdn.jsdelivr.net/gh/fgnt/mnist/'],
    files: {
      trainImages: file(
        'train-images-idx3-ubyte.gz',
        9912422,
        '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
        'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
      ),
      trainLabels: file(
        'train-labels-idx1-ubyte.gz',
        28881,
        '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
        '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
      ),
      testImages: file(
        't10k-images-idx3-ubyte.gz',
        1648877,
        '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
        '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
      ),
      testLabels: file(
        't10k-labels-idx1-ubyte.gz',
        4542,
        'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
        'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
      ),
    },
  },
  'fashion-mnist': {
    name: 'fashion-mnist',
    title: 'Fashion-MNIST',
    torchvision: 'FashionMNIST',
    classNames: ['T-shirt', 'trouser', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag', 'ankle boot'],
    mirrors: ['http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/'],
    browserMirrors: [],
    files: {
      trainImages: file(
        'train-images-idx3-ubyte.gz',
        26421880,
        '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
      ),
      trainLabels: file(
        'train-labels-idx1-ubyte.gz',
        29515,
        'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
      ),
      testImages: file(
        't10k-images-idx3-ubyte.gz',
        4422102,
        '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
      ),
      testLabels: file(
        't10k-labels-idx1-ubyte.gz',
        5148,
        '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5',
      ),
    },
  },
  kmnist: {
    name: 'kmnist',
    title: 'KMNIST',
    torchvision: 'KMNIST',
    classNames: ['o', 'ki', 'su', 'tsu', 'na', 'ha', 'ma', 'ya', 're', 'wo'],
    mirrors: ['http://codh.rois.ac.jp/kmnist/dataset/kmnist/'],
    browserMirrors: [],
    files: {
      trainImages: file(
        'train-images-idx3-ubyte.gz',
        18165135,
        '51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4',
      ),
      trainLabels: file(
        'train-labels-idx1-ubyte.gz',
        29497,
        'e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17',
      ),
      testImages: file(
        't10k-images-idx3-ubyte.gz',
        3041136,
        'edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5',
      ),
      testLabels: file(
        't10k-labels-idx1-ubyte.gz',
        5120,
        '20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c',
      ),
    },
  },
  // No hashes have been published for these: they are held to the shapes below, and their mirror speaks TLS.
  qmnist: {
    name: 'qmnist',
    title: 'QMNIST',
    torchvision: 'QMNIST',
    classNames: digits,
    mirrors: ['https://raw.githubusercontent.com/facebookresearch/qmnist/master/'],
    browserMirrors: ['https://raw.githubusercontent.com/facebookresearch/qmnist/master/'],
    files: {
      trainImages: { name: 'qmnist-train-images-idx3-ubyte.gz' },
      trainLabels: { name: 'qmnist-train-labels-idx2-int.gz' },
      testImages: { name: 'qmnist-test-images-idx3-ubyte.gz' },
      testLabels: { name: 'qmnist-test-labels-idx2-int.gz' },
    },
  },
}

/** A name of the {@link catalogue}. */
export type CatalogueName = keyof typeof catalogue

/** All names of the {@link catalogue}, in its order. */
export const catalogueNames = Object.keys(catalogue) as readonly CatalogueName[]

/** An entry by its name, or undefined. */
export const catalogueEntry = (name: string): CatalogueEntry | undefined =>
  Object.hasOwn(catalogue, name) ? catalogue[name as CatalogueName] : undefined
