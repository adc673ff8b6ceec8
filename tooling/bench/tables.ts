// The figures of a bench as Markdown.
import type { AnswerFigures } from './answers'
import type { BatchFigures } from './batches'
import type { Conditions } from './conditions'
import type { JaxPageFigures } from './jax-page'
import { median, spread, type Measured, type Spread } from './measure'
import type { Turn } from './side'
import type { SizeFigures } from './sizes'
import type { StartUpFigures } from './start-up'

/** Figures of a model's epochs. */
interface EpochFigures {
  readonly model: string
  readonly batchSize: number
  readonly flopsPerImage: number
  readonly sides: readonly Measured[]
}

/** What was measured at one time. */
type Part<T> = { readonly measured: Conditions; readonly turn?: Turn } & T

/** All of a bench, as it is kept in JSON: epochs, and parts that may have been measured at other times. */
export interface BenchResult extends Conditions {
  readonly images: number
  readonly rounds: number
  /** What every side does in a turn; a single epoch where it is not said. */
  readonly turn?: Turn
  readonly epochs: readonly EpochFigures[]
  readonly batches?: Part<{ readonly entries: readonly BatchFigures[] }>
  readonly sizes?: Part<{ readonly entries: readonly SizeFigures[] }>
  readonly answers?: Part<{ readonly entries: readonly AnswerFigures[] }>
  readonly startUp?: Part<{ readonly entries: readonly StartUpFigures[] }>
  readonly jaxPage?: Part<{ readonly entries: readonly JaxPageFigures[] }>
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

const threadsOf = ({ id }: Measured, cores: number) => (/-1$|^tfjs/.test(id) ? 1 : cores)

/** PyTorch's side of one thread, where there are more cores. */
const torchAlone = 'torch-resident-1'

/** The sides of a peer: of PyTorch's two with its data resident the faster one is compared with. */
const sidesOf = (peer: string): readonly string[] => (peer === 'torch-resident' ? [peer, torchAlone] : [peer])

/** What each side took for an epoch of a model. */
export const epochTable = ({ sides, flopsPerImage }: EpochFigures, { images, machine }: BenchResult) => {
  const peer = fastest(sides, sidesOf('torch-resident'))
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

/** How many times as fast as a peer our backend is, each with as many threads as serve it best; undefined where one was not timed. */
export const ratioOf = (
  { sides }: Pick<EpochFigures, 'sides'>,
  backend: string,
  peer: string,
  cores: number,
): Spread | undefined => {
  const [own, other] = [fastest(sides, idsOf(backend, cores)), fastest(sides, sidesOf(peer))]
  return own && other && speedup(own.secondsPerEpoch, other.secondsPerEpoch)
}

const ratio = (...of: Parameters<typeof ratioOf>): string => {
  const found = ratioOf(...of)
  return found ? range(found, 2) : '-'
}

/** Who is compared with whom: our backend, the peer in words, and its side. */
export const peers = [
  ['wasm', 'PyTorch, data resident', 'torch-resident'],
  ['wasm', 'PyTorch, DataLoader', 'torch-DataLoader'],
  ['wasm', 'tfjs wasm', 'tfjs-wasm'],
  ['wasm', 'jax-js', 'jax-js'],
  ['cpu', 'tfjs cpu', 'tfjs-cpu'],
] as const

/** 'tfjs 4.22, jax-js 0.1.25': the peers beside PyTorch, as their sides are called. */
const peersOf = ({ epochs }: BenchResult): string => {
  const titles = epochs.flatMap(({ sides }) => sides.map(({ title }) => title))
  const named = titles.flatMap((title) => /^(?!digitlab|PyTorch)\S+ [\d.]+/.exec(title) ?? [])
  return [...new Set(named)].map((name) => `, ${name}`).join('')
}

/** What a turn is, in a sentence; nothing where it was a single epoch. */
export const turnSentence = (turn: Turn | undefined): string =>
  turn
    ? ` In each turn every side, digitlab's and its peers' alike, trains for at least ${turn.untimed} s that are not timed and then, without a pause, for at least ${turn.timed} s that are: whole epochs, or parts of one where it takes minutes; what counts is their mean.`
    : ''

const hasTorchAlone = ({ epochs }: BenchResult): boolean =>
  epochs.some(({ sides }) => sides.some(({ id }) => id === torchAlone))

const heading = (result: BenchResult) => {
  const { date, commit, machine, rounds } = result
  return (
    `Measured ${date} at commit ${commit} by \`npm run bench\`: ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ` +
    `${machine.platform}, Node ${machine.node}${machine.torch === null ? ', no PyTorch' : `, PyTorch ${machine.torch}`}${peersOf(result)}. MNIST, batch 64, ` +
    `SGD; whole epochs with shuffle, batches and steps, without evaluation. The sides took turns in ${rounds} rounds (slow ones in 3); median, ` +
    `with least and most.${turnSentence(result.turn)}${hasTorchAlone(result) ? ` PyTorch with its data resident trained on ${machine.cores} threads and on one; ratios are to the faster of the two.` : ''} What takes minutes was timed over a part of an epoch. The first losses of all agreed before they were timed.`
  )
}

/** The short table, for the README. */
export const summaryTable = (result: BenchResult): string => {
  const { cores } = result.machine
  const columns = [
    ['digitlab wasm', idsOf('wasm', cores)],
    ['digitlab cpu', idsOf('cpu', cores)],
    ['PyTorch, data resident', [...sidesOf('torch-resident')]],
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
  return [
    `Seconds per epoch, with as many threads as serve each backend ${hasTorchAlone(result) ? 'of ours and PyTorch with its data resident' : 'of ours'} best:\n\n${table(
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
