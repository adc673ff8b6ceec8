// The same digits as files of every format that people have, written as the tools write them: for tests here, of the command and of the page.
import { gzipSync } from 'node:zlib'
import { writeIdx } from '@digitlab/idx'
import { zipSync } from 'fflate'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { PNG } from 'pngjs'
import type { Dataset, Split } from '../dataset'

export const pixels = 28 * 28
export const imagesOf = ({ images }: Split) =>
  Array.from({ length: images.length / pixels }, (_, i) => images.subarray(i * pixels, (i + 1) * pixels))

/** A CSV table, as Kaggle's, pjreddie's, or with the label last. */
export const csv = (
  split: Split,
  { header = true, label = 'first' }: { header?: boolean; label?: 'first' | 'last' | 'none' } = {},
): string => {
  const order = (first: string, rest: readonly string[]) =>
    (label === 'first' ? [first, ...rest] : label === 'last' ? [...rest, first] : rest).join(',')
  const names = Array.from({ length: pixels }, (_, i) => `pixel${i}`)
  const rows = imagesOf(split).map((image, i) => order(String(split.labels[i]), Array.from(image, String)))
  return [...(header ? [order('label', names)] : []), ...rows].join('\n')
}

export const png = (image: Uint8Array, { colour = false, side = 28 } = {}): Buffer => {
  const picture = new PNG({ width: side, height: side })
  image.forEach((grey, i) => picture.data.set([grey, grey, colour ? 255 - grey : grey, 255], 4 * i))
  return PNG.sync.write(picture, colour ? {} : { colorType: 0 })
}

export const parquet = (split: Split): Uint8Array =>
  new Uint8Array(
    parquetWriteBuffer({
      schema: [
        { name: 'root', num_children: 2 },
        { name: 'image', repetition_type: 'OPTIONAL', num_children: 2 },
        { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
        { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        { name: 'label', type: 'INT64', repetition_type: 'OPTIONAL' },
      ],
      columnData: [
        {
          name: 'image',
          data: imagesOf(split).map((image, i) => ({ bytes: new Uint8Array(png(image)), path: `${i}.png` })),
        },
        { name: 'label', data: Array.from(split.labels, BigInt) },
      ],
      kvMetadata: [
        {
          key: 'huggingface',
          value: JSON.stringify({ info: { features: { label: { names: [...'0123456789'], _type: 'ClassLabel' } } } }),
        },
      ],
    }),
  )

export const safetensors = (
  arrays: Record<string, { dtype: string; shape: number[]; data: Uint8Array }>,
): Uint8Array => {
  let at = 0
  const entries = Object.entries(arrays).map(([name, { dtype, shape, data }]) => {
    const entry = [name, { dtype, shape, data_offsets: [at, at + data.length] }] as const
    at += data.length
    return entry
  })
  const header = Buffer.from(JSON.stringify({ __metadata__: { made: 'by hand' }, ...Object.fromEntries(entries) }))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([length, header, ...Object.values(arrays).map(({ data }) => data)])
}

export const idxFiles = ({ train, test }: Dataset): [string, Uint8Array][] => [
  ['train-images-idx3-ubyte', writeIdx({ type: 'uint8', shape: [train.count, 28, 28], data: train.images })],
  ['train-labels-idx1-ubyte', writeIdx({ type: 'uint8', shape: [train.count], data: train.labels })],
  ['t10k-images-idx3-ubyte', writeIdx({ type: 'uint8', shape: [test.count, 28, 28], data: test.images })],
  ['t10k-labels-idx1-ubyte', writeIdx({ type: 'uint8', shape: [test.count], data: test.labels })],
]

/** An array as NumPy writes it. */
export const npy = (shape: readonly number[], data: Uint8Array): Uint8Array => {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${sizes}), }`
  const header = Buffer.from(`${text}\n`)
  const head = Buffer.alloc(10)
  head.write('\u0093NUMPY\u0001\u0000', 'latin1')
  head.writeUInt16LE(header.length, 8)
  return Buffer.concat([head, header, data])
}

/** Writes a picture of grey pixels, 28 x 28. */
export type WritePicture = (image: Uint8Array) => Uint8Array | Promise<Uint8Array>

/** Files by their paths below a folder, or one file. */
export type Files = readonly (readonly [path: string, content: Uint8Array])[]

/** Pictures in a folder for each class; their names number them, as their order is that of their names within a class. */
export const pictureFolders = async (
  { train, test }: Pick<Dataset, 'train' | 'test'>,
  ending = 'png',
  write: WritePicture = (image) => png(image),
): Promise<Files> => {
  const files: [string, Uint8Array][] = []
  for (const [split, own] of Object.entries({ train, test }))
    for (const [i, image] of imagesOf(own).entries())
      files.push([`${split}/${own.labels[i]}/${String(i).padStart(4, '0')}.${ending}`, await write(image)])
  return files
}

/** A zip archive of files. */
export const zipped = (files: Files): Uint8Array => zipSync(Object.fromEntries(files))

/** The same digits in the order in which a folder for each class has them. */
export const byClass = ({ images, labels, count }: Split): Split => {
  const order = [...labels.keys()].sort((a, b) => (labels[a] ?? 0) - (labels[b] ?? 0) || a - b)
  const sorted = new Uint8Array(images.length)
  order.forEach((index, i) => sorted.set(images.subarray(index * pixels, (index + 1) * pixels), i * pixels))
  return { images: sorted, labels: Uint8Array.from(order, (index) => labels[index] ?? 0), count }
}

/** Every format but pictures, by its name. */
export const digitFiles = ({ train, test }: Pick<Dataset, 'train' | 'test'>): Readonly<Record<string, Files>> => {
  const splits = Object.entries({ train, test })
  const text = (split: Split) => Buffer.from(csv(split))
  return {
    IDX: idxFiles({ train, test } as Dataset),
    CSV: splits.map(([name, split]) => [`${name}.csv`, text(split)]),
    'CSV.gz': splits.map(([name, split]) => [`${name}.csv.gz`, gzipSync(text(split))]),
    npz: [
      [
        'digits.npz',
        zipSync(
          Object.fromEntries(
            splits.flatMap(([name, { images, labels, count }]) => [
              [`x_${name}.npy`, npy([count, 28, 28], images)],
              [`y_${name}.npy`, npy([count], labels)],
            ]),
          ),
        ),
      ],
    ],
    npy: splits.flatMap(([name, { images, labels, count }]) => [
      [`${name}_images.npy`, npy([count, 28, 28], images)] as const,
      [`${name}_labels.npy`, npy([count], labels)] as const,
    ]),
    Parquet: splits.map(([name, split]) => [`${name}-00000-of-00001.parquet`, parquet(split)]),
    safetensors: splits.map(([name, { images, labels, count }]) => [
      `${name}.safetensors`,
      safetensors({
        images: { dtype: 'U8', shape: [count, 28, 28], data: images },
        labels: { dtype: 'U8', shape: [count], data: labels },
      }),
    ]),
    zip: [['digits.zip', zipSync(Object.fromEntries(idxFiles({ train, test } as Dataset)))]],
  }
}
