// The figures of a bench as Markdown.
import { median, spread, type Measured, type Spread } from './measure'

/** Figures of a model's epochs. */
interface EpochFigures {
  readonly model: string
  readonly batchSize: number
  readonly flopsPerImage: number
  readonly sides: readonly Measured[]
}

/** All of a bench, as it is kept in JSON. */
export interface BenchResult {
  readonly date: string
  readonly commit: string
  readonly machine: {
    readonly processor: string
    readonly cores: number
    readonly memoryGiB: number
    readonly platform: string
    readonly node: string
    readonly torch: string | null
    readonly peakGflops: number | null
  }
  readonly images: number
  readonly rounds: number
  readonly epochs: readonly EpochFigures[]
  readonly scaling: readonly Omit<EpochFigures, 'flopsPerImage'>[]
}

type Row = readonly (string | number)[]

export const number = (value: number, digits = 3) =>
  value >= 100 ? Math.round(value).toLocaleString('en') : Number(value.toPrecision(digits)).toString()

export const range = ({ median, min, max }: Spread, digits?: number) =>
  `${number(median, digits)} (${number(min, digits)} - ${number(max, digits)})`

/** How many times faster than a peer, round by round: the rounds that both took part in. */
export const speedup = (own: readonly number[], peer: readonly number[]): Spread => {
  const rounds = Math.min(own.length, peer.length)
  return spread(Array.from({ length: rounds }, (_, i) => (peer[i] ?? NaN) / (own[i] ?? NaN)))
}

export const table = (header: readonly string[], rows: readonly Row[]) =>
  [header, header.map((_, i) => (i === 0 ? '---' : '---:')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')

const threadsOf = ({ id }: Measured, cores: number) => (/^(wasm|cpu)-1$|^tfjs/.test(id) ? 1 : cores)

/** What each side took for an epoch of a model. */
const epochTable = ({ sides, flopsPerImage }: EpochFigures, { images, machine }: BenchResult) => {
  const peer = fastest(sides, ['torch-resident'])
  const rows = sides.map((side) => {
    if (side.failed !== undefined) return [side.title, `cannot: ${side.failed.split('\n')[0]}`, '', '', '', '', '']
    const { title, secondsPerEpoch, steps, peakBytes } = side
    const perSecond = images / median(secondsPerEpoch)
    const gflops = (perSecond * flopsPerImage) / 1e9
    const peak =
      machine.peakGflops && Math.round((100 * gflops) / (machine.peakGflops * threadsOf(side, machine.cores)))
    return [
      title,
      `${range(spread(secondsPerEpoch))}${steps === undefined ? '' : `, from ${steps} steps`}`,
      number(perSecond),
      number(gflops),
      peak ? `${peak} %` : '',
      number(peakBytes / 1e6),
      peer && side !== peer ? `${range(speedup(secondsPerEpoch, peer.secondsPerEpoch), 2)}` : '',
    ]
  })
  return table(
    ['', 's per epoch', 'images/s', 'GFLOP/s', 'of peak', 'peak MB', 'times as fast as PyTorch, data resident'],
    rows,
  )
}

/** The ids of a backend of ours, one thread and all. */
const idsOf = (backend: string, cores: number) => [`${backend}-1`, `${backend}-${cores}`]

/** The fastest of some sides, by the median; undefined where none was timed. */
const fastest = (sides: readonly Measured[], ids: readonly string[]) =>
  sides
    .flatMap((side) => (ids.includes(side.id) && side.failed === undefined ? [side] : []))
    .sort((a, b) => median(a.secondsPerEpoch) - median(b.secondsPerEpoch))[0]

/** How many times as fast as a peer our backend is, with as many threads as serve it best. */
const ratio = ({ sides }: EpochFigures, backend: string, peer: string, cores: number) => {
  const [own, other] = [fastest(sides, idsOf(backend, cores)), fastest(sides, [peer])]
  return own && other ? range(speedup(own.secondsPerEpoch, other.secondsPerEpoch), 2) : '-'
}

const heading = ({ date, commit, machine, rounds }: BenchResult) =>
  `Measured ${date} at commit ${commit} by \`npm run bench\`: ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ` +
  `${machine.platform}, Node ${machine.node}${machine.torch === null ? ', no PyTorch' : `, PyTorch ${machine.torch}`}. MNIST, batch 64, SGD; whole ` +
  `epochs with shuffle, batches and steps, without evaluation. The sides took turns in ${rounds} rounds (slow ones in 3); median, with least ` +
  `and most. What takes minutes was timed over a part of an epoch. The first losses of all agreed before they were timed.`

/** The short table, for the README. */
export const summaryTable = (result: BenchResult): string => {
  const { cores } = result.machine
  const columns = [
    ['digitlab wasm', idsOf('wasm', cores)],
    ['digitlab cpu', idsOf('cpu', cores)],
    ['PyTorch, data resident', ['torch-resident']],
    ['PyTorch, DataLoader', ['torch-DataLoader']],
    ['tfjs wasm', ['tfjs-wasm']],
    ['tfjs cpu', ['tfjs-cpu']],
    ['jax-js', ['jax-js']],
  ] satisfies [string, string[]][]
  const seconds = (sides: readonly Measured[], ids: readonly string[]) => {
    const side = fastest(sides, ids)
    if (side) return number(median(side.secondsPerEpoch), 2)
    return sides.some(({ id }) => ids.includes(id)) ? 'cannot' : '-'
  }
  const peers = [
    ['wasm', 'PyTorch, data resident', 'torch-resident'],
    ['wasm', 'PyTorch, DataLoader', 'torch-DataLoader'],
    ['wasm', 'tfjs wasm', 'tfjs-wasm'],
    ['wasm', 'jax-js', 'jax-js'],
    ['cpu', 'tfjs cpu', 'tfjs-cpu'],
  ] as const
  return [
    `Seconds per epoch, with as many threads as serve each backend of ours best:\n\n${table(
      ['model', ...columns.map(([title]) => title)],
      result.epochs.map(({ model, sides }) => [model, ...columns.map(([, ids]) => seconds(sides, ids))]),
    )}`,
    `How many times as fast, round by round:\n\n${table(
      ['model', ...peers.map(([backend, title]) => `${backend} : ${title}`)],
      result.epochs.map((epoch) => [
        epoch.model,
        ...peers.map(([backend, , peer]) => ratio(epoch, backend, peer, cores)),
      ]),
    )}`,
    heading(result),
  ].join('\n\n')
}

/** Batch sizes and threads. */
const scalingTable = (result: BenchResult, model: string) => {
  const rows = result.scaling.filter((entry) => entry.model === model)
  const titles = rows[0]?.sides.map(({ title }) => title) ?? []
  return table(
    ['batch', ...titles],
    rows.map(({ batchSize, sides }) => [
      batchSize,
      ...sides.map(({ secondsPerEpoch }) => (secondsPerEpoch ? range(spread(secondsPerEpoch)) : 'cannot')),
    ]),
  )
}

/** Everything. */
export const toMarkdown = (result: BenchResult): string => {
  const { machine } = result
  const held = result.epochs.flatMap(({ model, sides }) =>
    sides.flatMap((side) => {
      if (side.failed !== undefined || side.heldBytes === undefined) return []
      const { title, peakBytes, secondsPerEpoch } = side
      const [first, last] = side.heldBytes.map((bytes) => number(bytes / 1e6))
      const after = `${last} after ${secondsPerEpoch.length} more`
      return [[`${model}, ${title}`, number(peakBytes / 1e6), first ?? '', after]]
    }),
  )
  return `${[
    '# Training, side by side',
    summaryTable(result),
    machine.peakGflops === null
      ? 'This engine has no relaxed SIMD, so there is no peak to compare with.'
      : `Fused multiply-adds of four float32 in WebAssembly reach ${number(machine.peakGflops)} GFLOP/s on one core here. GFLOP/s count every product of the model, also those that a kernel skips because an operand is zero: more than the peak is possible, and PyTorch has wider instructions.`,
    ...result.epochs.map((epoch) => `## ${epoch.model}\n\n${epochTable(epoch, result)}`),
    ...(result.scaling.length === 0
      ? []
      : [
          `## Batch size and threads\n\nSeconds per epoch, three rounds.`,
          ...result.epochs.map(({ model }) => `### ${model}\n\n${scalingTable(result, model)}`),
        ]),
    ...(held.length === 0
      ? []
      : [
          `## Memory\n\nResident set of the process with its threads, MB: the most there was, after the first epoch, after the last.\n\n${table(
            ['', 'peak', 'after the first epoch', 'after the last'],
            held,
          )}`,
        ]),
  ].join('\n\n')}\n`
}
