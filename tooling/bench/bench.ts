// `npm run bench`: seconds per epoch of digitlab and its peers on this machine, taking turns, with a check that all of them
// compute the same. Prints Markdown and writes it with the figures behind it as JSON.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadDataset, cacheFolder } from '@digitlab/data/node'
import { caseStudyModels, modelNames } from '@digitlab/models'
import { execa } from 'execa'
import { trainingFlops } from './flops'
import { measure, type Measured } from './measure'
import { measurePeak } from './peak'
import { publish } from './publish'
import { bundleTfjs, pythonWithTorch, sidesFor, type SideSpec } from './sides'
import { toMarkdown, type BenchResult } from './tables'

const usage = `npm run bench -- [options]

  --models <list>    linear,two-layer,cnn unless given
  --sides <list>     ids of sides to take, such as wasm-2,torch-resident; all unless given
  --rounds <n>       turns of each side that are timed; 7 unless given, slow sides take 3
  --no-scaling       leave out batch sizes and numbers of threads
  --data <folder>    with MNIST's four files; DIGITLAB_DATA, the cache or a download unless given
  --python <path>    a python3 that has torch; python3 unless given
  --out <folder>     where bench.md and bench.json go; runs/bench-<time> unless given
  --publish          put the result into README.md and tooling/bench/results as well`

const root = fileURLToPath(new URL('../..', import.meta.url))
const say = (sentence: string) => console.error(sentence)

/** Ends with a sentence where the command line is wrong. */
const refuse = (sentence: string): never => {
  say(sentence)
  process.exit(2)
}

const parse = () => {
  try {
    return parseArgs({
      options: {
        models: { type: 'string', default: caseStudyModels.join(',') },
        sides: { type: 'string' },
        rounds: { type: 'string', default: '7' },
        scaling: { type: 'boolean', default: true },
        data: { type: 'string' },
        python: { type: 'string', default: 'python3' },
        out: { type: 'string' },
        publish: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
      allowNegative: true,
    }).values
  } catch (error) {
    return refuse(`${(error as Error).message} (--help lists what there is)`)
  }
}

const flags = parse()
if (flags.help) {
  console.log(usage)
  process.exit(0)
}
const cores = availableParallelism()
const models = flags.models.split(',')
const isModel = (name: string): name is (typeof modelNames)[number] => (modelNames as readonly string[]).includes(name)
const unknown = models.find((model) => !isModel(model))
if (unknown !== undefined) refuse(`--models names ${unknown}: choose from ${modelNames.join(', ')}`)
const rounds = Number(flags.rounds)
if (!Number.isInteger(rounds) || rounds < 1) refuse(`--rounds must be an integer from 1, not ${flags.rounds}`)

/** What scaling is measured over. */
const batchSizes = [16, 64, 256, 1024]
const counts = Array.from({ length: cores }, (_, i) => i + 1)
const scalingRounds = 3

/** With what losses may be compared: what others wrote, before ours. */
const trusted = ['torch-resident', 'tfjs-cpu', 'tfjs-wasm', 'cpu-1', 'wasm-1', `wasm-${cores}`]

/** The folder of MNIST's files, for all sides. */
const dataFolder = async () => {
  const given = flags.data ?? process.env['DIGITLAB_DATA']
  await loadDataset('mnist', given === undefined ? {} : { folder: given }) // fetches what is missing, refuses what is wrong
  return given ?? join(cacheFolder(process.env), 'mnist')
}

const commit = async () => {
  const git = async (...args: string[]) => (await execa('git', args, { cwd: root })).stdout
  const changed = (await git('status', '--porcelain')) !== ''
  return `${await git('rev-parse', '--short', 'HEAD')}${changed ? ' and changes' : ''}`
}

const temporary = await mkdtemp(join(tmpdir(), 'digitlab-bench-'))
try {
  const torch = await pythonWithTorch(flags.python)
  if (torch === undefined) say(`PyTorch is left out: ${flags.python} has no torch (name one that has with --python)`)
  const context = { data: await dataFolder(), cores, python: flags.python, torch, tfjs: await bundleTfjs(temporary) }
  const taken = (sides: readonly SideSpec[]) => {
    const wanted = flags.sides?.split(',')
    const chosen = sides.filter(({ id }) => wanted === undefined || wanted.includes(id))
    if (chosen.length > 0) return chosen
    throw new Error(`--sides names none of ${sides.map(({ id }) => id).join(', ')}`)
  }
  const epochs: { model: string; batchSize: number; flopsPerImage: number; sides: Measured[] }[] = []
  const scaling: Omit<(typeof epochs)[number], 'flopsPerImage'>[] = []
  const result: BenchResult & { format: string; version: number } = {
    format: 'digitlab-bench',
    version: 1,
    date: new Date().toISOString().slice(0, 10),
    commit: await commit(),
    machine: {
      processor: cpus()[0]?.model ?? 'unknown',
      cores,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      platform: `${process.platform} ${process.arch}`,
      node: process.versions.node,
      torch: torch ?? null,
      peakGflops: (await measurePeak()) ?? null,
    },
    images: 60_000,
    rounds,
    epochs,
    scaling,
  }
  for (const model of models.filter(isModel)) {
    const sides = taken(sidesFor(model, { ...context, batchSize: 64 }))
    const measured = await measure(model, sides, { rounds, trusted, say })
    epochs.push({ model, batchSize: 64, flopsPerImage: trainingFlops(model), sides: measured })
  }
  if (flags.scaling)
    for (const model of models)
      for (const batchSize of batchSizes) {
        const ids = ['torch-resident', ...counts.map((workers) => `wasm-${workers}`)]
        const sides = sidesFor(model, { ...context, batchSize, counts }).filter(({ id }) => ids.includes(id))
        say(`${model}, batches of ${batchSize}`)
        const measured = await measure(model, sides, { rounds: scalingRounds, trusted, say })
        scaling.push({ model, batchSize, sides: measured })
      }
  const markdown = toMarkdown(result)
  const out = flags.out ?? join(root, 'runs', `bench-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}`)
  await mkdir(out, { recursive: true })
  await writeFile(join(out, 'bench.json'), `${JSON.stringify(result, null, 1)}\n`)
  await writeFile(join(out, 'bench.md'), markdown)
  if (flags.publish) await publish(result, root)
  console.log(markdown)
  say(`written to ${out}`)
  const wrong = [...epochs, ...scaling].some(({ sides }) =>
    sides.some(({ agreement }) => agreement && !agreement.agrees),
  )
  if (wrong) process.exitCode = 1
} finally {
  await rm(temporary, { recursive: true, force: true })
}
