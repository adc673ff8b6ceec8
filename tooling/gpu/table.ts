// What a run of gpu.sh came to, as it is kept and as the README shows it.
import { median, spread } from '../bench/measure'
import { number, table } from '../bench/tables'

/** What is kept of a run. Seconds are those of epochs, by side and model, without the first of each round. */
export interface GpuResult {
  readonly gpu: string
  readonly driver: string
  readonly processor: string
  readonly torch: string | null
  readonly node: string
  readonly commit: string
  readonly date: string
  readonly rounds: number
  readonly epochs: number
  readonly seconds: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>
  /** The case study's three models one after the other, five epochs each. */
  readonly comparison: string
  /** Runs of a model by its own recipe. */
  readonly recipes: Readonly<Record<string, string>>
  /** Runs that were killed and resumed to the bit, where that was tried at another commit. */
  readonly resumed?: { readonly commit: string; readonly models: readonly string[] }
  readonly checks: readonly { readonly name: string; readonly held: boolean }[]
}

const eager = 'PyTorch eager'
const graph = 'PyTorch CUDA graph'

export const gpuTable = (result: GpuResult): string => {
  const { gpu, driver, processor, torch, node, commit, date, rounds, epochs, seconds, comparison, recipes } = result
  const { resumed, checks } = result
  const sides = Object.keys(seconds)
  const own = seconds['digitlab'] ?? {}
  const rows = Object.keys(own).map((model) => {
    const of = (side: string) => seconds[side]?.[model] ?? []
    const times = (side: string) => (of(side).length > 0 ? number(median(of(side)) / median(of('digitlab')), 2) : '-')
    return [
      model,
      ...sides.map((side) => (of(side).length > 0 ? number(median(of(side)), 2) : '-')),
      times(eager),
      times(graph),
    ]
  })
  const failed = checks.filter(({ held }) => !held)
  const held =
    failed.length === 0
      ? `all ${checks.length} held`
      : `${checks.length - failed.length} of ${checks.length} held, not ${failed.map(({ name }) => name).join(', ')}`
  const apart = Math.max(
    ...sides.flatMap((side) =>
      Object.values(seconds[side] ?? {}).map((values) => spread(values).max / spread(values).min - 1),
    ),
  )
  const tried = `${rounds} ${rounds === 1 ? 'round' : 'rounds that took turns'} of ${epochs} epochs, without the first`
  return [
    `Seconds per epoch on an ${gpu}, and how many times as fast as PyTorch on it:`,
    table(['model', ...sides, 'times eager', 'times graph'], rows),
    `Batch 64, SGD, the images on the GPU on both sides; float32 unless TF32 is named. PyTorch's graph is a whole step captured, its fastest loop here. Medians of ${tried}: at most ${Math.ceil(100 * apart)} % between the least and the most of one. Measured ${date} at commit ${commit} by \`tooling/gpu/gpu.sh\`: ${gpu}, driver ${driver}, ${processor}, Node ${node}${torch ? `, PyTorch ${torch}` : ''}.`,
    [
      `- The case study, ${comparison}.`,
      ...Object.entries(recipes).map(([model, what]) => `- \`digitlab train ${model} --backend cuda\`: ${what}.`),
      `- Checks on it, ${held}: the conformance suite (under compute-sanitizer's memcheck and racecheck as well), parity with WebAssembly and float64, PyTorch's reference traces.`,
      ...(resumed
        ? [
            `- Runs of ${resumed.models.join(', ')} that were killed and resumed came to the same bits (at commit ${resumed.commit}).`,
          ]
        : []),
    ].join('\n'),
  ].join('\n\n')
}
