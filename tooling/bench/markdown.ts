// A bench's whole output.
import { partsMarkdown, picture } from './parts'
import { epochTable, number, summaryTable, table, type BenchResult } from './tables'

/**
 * Everything.
 */
export const toMarkdown = (result: BenchResult): string => {
  const { machine } = result
  const held = result.epochs.flatMap(({ model, sides }) =>
    sides.flatMap((side) => {
      if (side.failed !== undefined || side.heldBytes === undefined) return []
      const { title, peakBytes, secondsPerEpoch } = side
      const [first, last] = side.heldBytes.map((bytes) => number(bytes / 1e6))
      const after = `${last} after ${secondsPerEpoch.length} more rounds`
      return [[`${model}, ${title}`, number(peakBytes / 1e6), first ?? '', after]]
    }),
  )
  return `${[
    '# Training, side by side',
    ...(result.epochs.length === 0 ? [] : [summaryTable(result), picture('ratios', 'How many times as fast')]),
    machine.peakGflops === null
      ? 'This engine has no relaxed SIMD, so there is no peak to compare with.'
      : `Fused multiply-adds of four float32 in WebAssembly reach ${number(machine.peakGflops)} GFLOP/s on one core here. GFLOP/s count every product of the model, also those that a kernel skips because an operand is zero: more than the peak is possible, and PyTorch has wider instructions.`,
    ...result.epochs.map((epoch) => `## ${epoch.model}\n\n${epochTable(epoch, result)}`),
    ...partsMarkdown(result),
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
