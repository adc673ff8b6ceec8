// What a bench measures beside epochs, as Markdown: batch sizes, sizes of data sets, answers, start-up, jax-js's own page.
import { measuredOn } from './conditions'
import { median, spread } from './measure'
import { number, range, speedup, table, turnSentence, type BenchResult } from './tables'

const megabytes = (bytes: number): string => number(bytes / 1e6)
const milliseconds = (seconds: readonly number[]): string => range(spread(seconds.map((each) => 1000 * each)))

const batchesMarkdown = ({ batches, images }: BenchResult): string[] => {
  if (!batches) return []
  const models = [...new Set(batches.entries.map(({ model }) => model))]
  const parts = models.map((model) => {
    const rows = batches.entries.filter((entry) => entry.model === model)
    const titles = rows[0]?.sides.map(({ title }) => title) ?? []
    const cells = rows.map(({ batchSize, sides }) => [
      batchSize.toLocaleString('en'),
      ...sides.map((side) =>
        side.secondsPerEpoch
          ? `${number(images / median(side.secondsPerEpoch))}, ${megabytes(side.peakBytes)}`
          : 'cannot',
      ),
    ])
    return `### ${model}\n\n${table(['batch', ...titles.map((title) => `${title}: images/s, peak MB`)], cells)}`
  })
  return [
    '## Batch sizes',
    'Images a second, and the most memory that the process had with its 60,000 images, by the size of a batch. Parts of an epoch of some thousands of images; median of the rounds.',
    picture('batches', 'Images a second and peak memory by batch size'),
    ...parts,
    `${measuredOn(batches.measured)}${turnSentence(batches.turn)}`,
  ]
}

const sizesMarkdown = ({ sizes }: BenchResult): string[] => {
  if (!sizes) return []
  const rows = sizes.entries.map(({ model, images, streamed, imagesPerSecond, peakBytes }) => [
    model,
    images.toLocaleString('en'),
    megabytes(images * 784),
    streamed ? 'made as they are asked for' : 'in memory',
    range(spread(imagesPerSecond)),
    megabytes(peakBytes),
  ])
  return [
    '## Data sets of more images',
    "MNIST's images, repeated. What would take 4 GiB is made as it is asked for, a block of the shuffled order at a time, as from a disk, and never in WebAssembly's memory as a whole. Parts of an epoch of 938 steps of 64.",
    picture('sizes', 'Images a second and peak memory by the number of images'),
    table(['model', 'images', 'MB of pixels', 'they are', 'images/s', 'peak MB'], rows),
    `${measuredOn(sizes.measured)}${turnSentence(sizes.turn)}`,
  ]
}

const answersMarkdown = ({ answers }: BenchResult): string[] => {
  if (!answers) return []
  const rows = answers.entries.flatMap(({ model, sides }) =>
    sides.map(({ title, evaluation, picture }) => [model, title, milliseconds(evaluation), milliseconds(picture)]),
  )
  return [
    '## Answers',
    'Milliseconds, median (least - most): 10,000 images evaluated by weights that are loaded; and one picture from the start of the program to its answer, `digitlab predict` with a PNG beside programs of a few lines that read 784 bytes. The same weights, whose answers agree.',
    table(['model', '', '10,000 images', 'one picture, from the start'], rows),
    measuredOn(answers.measured),
  ]
}

const startUpMarkdown = ({ startUp }: BenchResult): string[] => {
  if (!startUp) return []
  return [
    '## Start',
    'Milliseconds from the start of the process, median (least - most), MNIST at hand as it is downloaded.',
    table(
      ['', 'ms'],
      startUp.entries.map(({ what, seconds }) => [what.replace(/digitlab[^:]*/, '`$&`'), milliseconds(seconds)]),
    ),
    measuredOn(startUp.measured),
  ]
}

const jaxPageMarkdown = ({ jaxPage }: BenchResult): string[] => {
  if (!jaxPage) return []
  const rows = jaxPage.entries.map(({ model, batchSize, sides }) => {
    const [own, theirs] = sides.map(({ secondsPerEpoch }) => secondsPerEpoch)
    const seconds = (values: readonly number[] | undefined) => (values ? range(spread(values)) : 'cannot')
    const ratio = own && theirs ? range(speedup(own, theirs), 2) : '-'
    return [model, batchSize.toLocaleString('en'), seconds(own), seconds(theirs), ratio]
  })
  const title = jaxPage.entries[0]?.sides.find(({ id }) => id === 'jax-js')?.title ?? 'jax-js'
  return [
    '## jax-js as its own page trains',
    'The nets, the batches and the optimizer (Adam at 0.005) of the page of MNIST that jax-js shows, its step jitted as a whole; digitlab trains the same nets from the same weights in the same order, and the first losses agree. The page computes on WebGPU, which is not to be had here: both are on WebAssembly. Seconds an epoch, from a part of one where it takes minutes.',
    table(['net', 'batch', 'digitlab wasm', title, 'times as fast'], rows),
    `${measuredOn(jaxPage.measured)}${turnSentence(jaxPage.turn)}`,
  ]
}

/** A figure that lies beside the Markdown, as its reader's colours are. */
export const picture = (name: string, alt: string, folder = '.'): string =>
  `<picture><source media="(prefers-color-scheme: dark)" srcset="${folder}/${name}-dark.svg"><img alt="${alt}" src="${folder}/${name}-light.svg"></picture>`

/** All that there is beside epochs. */
export const partsMarkdown = (result: BenchResult): string[] => [
  ...batchesMarkdown(result),
  ...sizesMarkdown(result),
  ...answersMarkdown(result),
  ...startUpMarkdown(result),
  ...jaxPageMarkdown(result),
]
