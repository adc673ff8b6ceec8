import { availableParallelism, cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

/** When, of what and on what something was measured. */
export interface Conditions {
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
}

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What a bench writes itself is no change. */
const written = ['README.md', 'docs/performance.md', 'tooling/bench/results'].map((path) => `:!${path}`)

const commit = async (): Promise<string> => {
  const git = async (...args: string[]) => (await execa('git', args, { cwd: root })).stdout
  const changed = (await git('status', '--porcelain', '--', '.', ...written)) !== ''
  return `${await git('rev-parse', '--short', 'HEAD')}${changed ? ' and changes' : ''}`
}

/** Those of now. */
export const conditions = async (torch: string | undefined, peakGflops: number | undefined): Promise<Conditions> => ({
  date: new Date().toISOString().slice(0, 10),
  commit: await commit(),
  machine: {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    torch: torch ?? null,
    peakGflops: peakGflops ?? null,
  },
})

/** In a sentence. */
export const measuredOn = ({ date, commit, machine }: Conditions): string =>
  `Measured ${date} at commit ${commit}: ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.platform}, Node ${machine.node}${machine.torch === null ? ', no PyTorch' : `, PyTorch ${machine.torch}`}.`
