// `pnpm --filter @digitlab/backend-wasm time`: the kernel calls of a training step of each model, timed on one thread and on several, beside
// what they need at least and what the machine could do.
import { availableParallelism, cpus } from 'node:os'
import { join, resolve } from 'node:path'
import { strokes, type Dataset } from '@digitlab/data'
import { loadDataset } from '@digitlab/data/node'
import { modelNames, type ModelName } from '@digitlab/models'
import { completeExperiment, withRecipe } from '@digitlab/train'
import { writeMarkedPart } from '../packages/marked-part'
import { flagsOf, refuse } from './command-line'
import { callsTable, expectedTable, stepsTable, type Machine, type TimedModel } from './kernel-tables'
import { timeStep } from './kernel-times'
import { measurePeak } from './peak'
import { lookAtStep } from './recorded-step'
import { number } from './tables'

const command = 'pnpm --filter @digitlab/backend-wasm time'
const usage = `${command} [options]

  --models <list>      linear,two-layer,cnn and all others of the catalogue unless given
  --threads <n>        to compare with one; as many as there are cores unless given
  --repetitions <n>    of each call, in turns; 7 unless given
  --data <folder>      with MNIST's four files; drawn strokes unless given
  --publish            put the tables into docs/performance.md as well`

const text = { type: 'string' } as const
const parse = (args: string[]) =>
  flagsOf(usage, {
    args,
    options: {
      ...{ models: text, threads: text, data: text, repetitions: { ...text, default: '7' } },
      ...{ publish: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
    },
  })

const count = (flag: string, given: string, least: number): number => {
  const value = Number(given)
  return Number.isInteger(value) && value >= least
    ? value
    : refuse(`--${flag} must be an integer from ${least}, not ${given}`)
}

const isModel = (name: string): name is ModelName => modelNames.some((known) => known === name)

/** Steps before one is looked at: by then ReLUs are off, and weights are as they are in training. */
const steps = 30
/** A test needs images; these are not what is timed. */
const tested = 64

/** So many images to train on. */
const cut = (data: Dataset, images: number): Dataset => {
  const first = ({ images: pixels, labels, count }: Dataset['train'], most: number): Dataset['train'] => {
    const taken = Math.min(most, count)
    return {
      images: pixels.subarray(0, (pixels.length / count) * taken),
      labels: labels.subarray(0, taken),
      count: taken,
    }
  }
  return { ...data, train: first(data.train, images), test: first(data.test, tested) }
}

/** GB/s that one core reads and writes, in copies that stay within its caches, as a step's tensors do. */
const measureCopy = (): number => {
  const [from, to] = [new Float32Array(65_536).fill(1), new Float32Array(65_536)]
  let best = Infinity
  for (let turn = 0; turn < 20; turn++) {
    const before = performance.now()
    for (let i = 0; i < 200; i++) to.set(from)
    best = Math.min(best, performance.now() - before)
  }
  return (200 * 2 * from.byteLength) / (best * 1e6)
}

const timeModel = async (
  model: ModelName,
  data: Dataset,
  options: { readonly threads: number; readonly repetitions: number },
): Promise<TimedModel> => {
  // What happens to images before they reach the backend is not a kernel's work, and all of the few there are are trained on.
  const input = { ...withRecipe({ model, dataset: data.name }), epochs: 1 }
  for (const name of ['augment', 'validation', 'keep']) Reflect.deleteProperty(input, name)
  const experiment = completeExperiment(input)
  const { batchSize } = experiment
  let timed: TimedModel | undefined
  await lookAtStep(experiment, cut(data, (steps + 2) * batchSize), { ...options, steps }, async (step) => {
    timed = { model, batchSize, ...(await timeStep(step, options)) }
  })
  if (!timed) throw new Error(`${model} was not trained for ${steps} steps`)
  return timed
}

const onMoreThreads =
  'What is to be expected of more threads, by what each call takes on one and what a barrier of two takes, growing with their number:'

/** The whole command. */
export const main = async (root: string, args: string[]): Promise<void> => {
  const flags = parse(args)
  const threads = count('threads', flags.threads ?? String(Math.max(2, availableParallelism())), 2)
  const repetitions = count('repetitions', flags.repetitions, 1)
  const names = flags.models?.split(',') ?? modelNames
  const models = names.map((name) =>
    isModel(name) ? name : refuse(`--models names ${name}: choose from ${modelNames.join(', ')}`),
  )
  const folder = flags.data && resolve(process.env['INIT_CWD'] ?? '.', flags.data)
  const data = folder ? await loadDataset('mnist', { folder }) : await strokes()
  const gflops = await measurePeak()
  if (gflops === undefined)
    return refuse('this engine has no relaxed SIMD, and so no peak to compare with: use Node 20.19 or later')
  const machine: Machine = { gflops, gigabytes: measureCopy() }
  const timed: TimedModel[] = []
  for (const model of models) {
    timed.push(await timeModel(model, data, { threads, repetitions }))
    const [last] = timed.slice(-1) as [TimedModel]
    console.log(`\n${model}, batch ${last.batchSize}\n\n${callsTable(last, machine, threads)}`)
  }
  const { version } = process
  const heading =
    `Measured ${new Date().toISOString().slice(0, 10)}: ${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, Node ${version}, ` +
    `images of ${folder ? 'MNIST' : 'strokes'}, ${repetitions} repetitions: median (least - most). One core: ${number(machine.gflops)} GFLOP/s of fused ` +
    `multiply-adds in WebAssembly, ${number(machine.gigabytes)} GB/s read and written by a copy of 256 KiB. A barrier of ${threads} threads: ` +
    `${number(Math.min(...timed.map(({ barrier }) => barrier.median)), 2)} µs.`
  const expected = threads === 2 ? [`${onMoreThreads}\n\n${expectedTable(timed, threads)}`] : []
  const summary = [stepsTable(timed, machine, threads), heading, ...expected].join('\n\n')
  console.log(`\n${summary}`)
  if (!flags.publish) return
  const parts = timed.map((model) => `### ${model.model}\n\n${callsTable(model, machine, threads)}`)
  await writeMarkedPart(
    join(root, 'docs', 'performance.md'),
    'kernels',
    `${command} --publish`,
    [summary, ...parts].join('\n\n'),
  )
}
