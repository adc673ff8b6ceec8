// The parts of `npm run bench` one after another, each written once it is measured.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadDataset, cacheFolder } from '@digitlab/data/node'
import { modelNames } from '@digitlab/models'
import { measureAnswers } from './answers'
import { measureBatches } from './batches'
import { namedSides, partNames, type BenchFlags, type PartName } from './bench-flags'
import { say } from './command-line'
import { conditions, type Conditions } from './conditions'
import { trainingFlops } from './flops'
import { measureJaxPage } from './jax-page'
import { toMarkdown } from './markdown'
import { measure } from './measure'
import { measurePageStart } from './page-start'
import { measurePeak } from './peak'
import { publish, readResult, writeFiles } from './publish'
import { bundleTfjs, pythonWithTorch, sidesFor } from './sides'
import { warm } from './side'
import { measureSizes } from './sizes'
import { measureStartUp } from './start-up'
import type { BenchResult } from './tables'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cores = availableParallelism()

/** With what losses may be compared: what others wrote, before ours. */
const trusted = ['torch-resident', 'tfjs-cpu', 'tfjs-wasm', 'cpu-1', 'wasm-1', `wasm-${cores}`]

/** The folder of MNIST's files, for all sides. */
const dataFolder = async (asked: string | undefined) => {
  const given = asked ?? process.env['DIGITLAB_DATA']
  await loadDataset('mnist', given === undefined ? {} : { folder: given }) // fetches what is missing, refuses what is wrong
  return given ?? join(cacheFolder(process.env), 'mnist')
}

/** Measures what is asked for, and writes it. */
export const bench = async (flags: BenchFlags): Promise<void> => {
  const { models, rounds, parts } = flags
  /** Rounds of what is measured beside epochs. */
  const fewerRounds = Math.min(rounds, 3)
  const bundled = flags.sides?.every((id) => !id.startsWith('tfjs-')) ? undefined : bundleTfjs
  const temporary = await mkdtemp(join(tmpdir(), 'digitlab-bench-'))
  try {
    const torch = await pythonWithTorch(flags.python)
    if (torch === undefined) say(`PyTorch is left out: ${flags.python} has no torch (name one that has with --python)`)
    const context = {
      data: await dataFolder(flags.data),
      cores,
      python: flags.python,
      torch,
      tfjs: await bundled?.(temporary),
    }
    const results = join(root, 'tooling', 'bench', 'results')
    const out = flags.out ?? join(root, 'runs', `bench-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}`)
    await mkdir(out, { recursive: true })
    const measured = await conditions(torch, await measurePeak())
    const nothing: BenchResult = { ...measured, images: 60_000, rounds, epochs: [] }
    let result = (await readResult(out)) ?? (flags.publish ? await readResult(results) : undefined) ?? nothing
    const put = async (part: Partial<BenchResult>) => {
      result = { ...result, ...part }
      await writeFiles(result, out)
      if (flags.publish) await publish(result, root)
    }
    const measuredNow: readonly string[] = models
    /** Entries of this measurement beside those of the same commit of models that are not measured now, in the order of the models. */
    const besideOthers = <T extends { readonly model: string }>(
      part: { readonly measured: Conditions; readonly entries: readonly T[] } | undefined,
      entries: readonly T[],
    ): T[] => {
      const kept =
        part?.measured.commit === measured.commit
          ? part.entries.filter(({ model }) => !measuredNow.includes(model))
          : []
      const place = ({ model }: T) => (modelNames as readonly string[]).indexOf(model)
      return [...kept, ...entries].sort((a, b) => place(a) - place(b))
    }
    const few = { rounds: fewerRounds, say }
    const { data } = context
    const measuring: Readonly<Record<PartName, () => Promise<Partial<BenchResult>>>> = {
      epochs: async () => {
        const epochs: (typeof result.epochs)[number][] = []
        for (const model of models) {
          const sides = namedSides(sidesFor(model, { ...context, batchSize: 64 }), flags.sides)
          const measured = await measure(model, sides, { rounds, trusted, say })
          epochs.push({ model, batchSize: 64, flopsPerImage: trainingFlops(model), sides: measured })
        }
        const all = besideOthers({ measured: result, entries: result.epochs }, epochs)
        return { ...measured, images: 60_000, rounds, turn: warm, epochs: all }
      },
      batches: async () => {
        const entries = await measureBatches(models, context, { rounds: Math.min(rounds, 2), say, trusted })
        return { batches: { measured, turn: warm, entries: besideOthers(result.batches, entries) } }
      },
      sizes: async () => {
        const entries = await measureSizes(models, { data, workers: cores }, few)
        return { sizes: { measured, turn: warm, entries: besideOthers(result.sizes, entries) } }
      },
      answers: async () => {
        const where = { ...context, temporary, onnxruntime: flags.onnxruntime }
        const entries = await measureAnswers(models, where, { rounds, say })
        return { answers: { measured, entries: besideOthers(result.answers, entries) } }
      },
      'start-up': async () => ({
        startUp: {
          measured,
          entries: [
            ...(await measureStartUp(models, { data, temporary }, { rounds, say })),
            ...(await measurePageStart(models, { data }, few)),
          ],
        },
      }),
      'jax-page': async () => ({
        jaxPage: { measured, turn: warm, entries: await measureJaxPage({ data, workers: cores }, few) },
      }),
    }
    for (const part of partNames) if (parts.includes(part)) await put(await measuring[part]())
    console.log(toMarkdown(result))
    say(`written to ${out}`)
    const compared = [...result.epochs, ...(result.batches?.entries ?? []), ...(result.jaxPage?.entries ?? [])]
    if (compared.some(({ sides }) => sides.some(({ agreement }) => agreement && !agreement.agrees)))
      process.exitCode = 1
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}
