// `npm run bench`: seconds per epoch of digitlab and its peers on this machine, taking turns, with a check that all of them
// compute the same; then batch sizes, sizes of data sets, answers, start-up and jax-js's own page. Prints Markdown and writes it with the
// figures behind it as JSON, after each part: one that is measured again takes the place of what was there.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadDataset, cacheFolder } from '@digitlab/data/node'
import { caseStudyModels, modelNames } from '@digitlab/models'
import { measureAnswers } from './answers'
import { measureBatches } from './batches'
import { flagsOf, refuse, say } from './command-line'
import { conditions, type Conditions } from './conditions'
import { trainingFlops } from './flops'
import { measureJaxPage } from './jax-page'
import { toMarkdown } from './markdown'
import { measure } from './measure'
import { measurePageStart } from './page-start'
import { measurePeak } from './peak'
import { publish, readResult, writeFiles } from './publish'
import { bundleTfjs, pythonWithTorch, sidesFor, type SideSpec } from './sides'
import { warm } from './side'
import { measureSizes } from './sizes'
import { measureStartUp } from './start-up'
import type { BenchResult } from './tables'

const partNames = ['epochs', 'batches', 'sizes', 'answers', 'start-up', 'jax-page'] as const
type PartName = (typeof partNames)[number]

const usage = `npm run bench -- [options]

  --models <list>    linear,two-layer,cnn unless given
  --sides <list>     ids of sides to take, such as wasm-2,torch-resident; all unless given
  --rounds <n>       turns of each side that are timed; 5 unless given, slow sides and parts beside epochs take 3
  --parts <list>     ${partNames.join(', ')}; all of them unless given
  --data <folder>    with MNIST's four files; DIGITLAB_DATA, the cache or a download unless given
  --python <path>    a python3 that has torch; python3 unless given
  --onnxruntime <folder>  where "npm install onnxruntime-node" was run; it is left out unless given
  --out <folder>     where bench.md, bench.json and figures go; runs/bench-<time> unless given. Parts that lie there are kept
  --publish          put the result into README.md and tooling/bench/results as well; parts that are published are kept

The models of a part may be measured one after another, with --models, as long as the commit is the same.`

const root = fileURLToPath(new URL('../..', import.meta.url))
const flags = flagsOf(usage, {
  options: {
    models: { type: 'string', default: caseStudyModels.join(',') },
    sides: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    parts: { type: 'string', default: partNames.join(',') },
    onnxruntime: { type: 'string' },
    data: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    out: { type: 'string' },
    publish: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
  allowNegative: true,
})
const cores = availableParallelism()
const models = flags.models.split(',')
const isModel = (name: string): name is (typeof modelNames)[number] => (modelNames as readonly string[]).includes(name)
const unknown = models.find((model) => !isModel(model))
if (unknown !== undefined) refuse(`--models names ${unknown}: choose from ${modelNames.join(', ')}`)
const rounds = Number(flags.rounds)
if (!Number.isInteger(rounds) || rounds < 1) refuse(`--rounds must be an integer from 1, not ${flags.rounds}`)

const isPart = (name: string): name is PartName => (partNames as readonly string[]).includes(name)
const parts = flags.parts
  .split(',')
  .map((name) => (isPart(name) ? name : refuse(`--parts names ${name}: choose from ${partNames.join(', ')}`)))
/** Rounds of what is measured beside epochs. */
const fewerRounds = Math.min(rounds, 3)

/** With what losses may be compared: what others wrote, before ours. */
const trusted = ['torch-resident', 'tfjs-cpu', 'tfjs-wasm', 'cpu-1', 'wasm-1', `wasm-${cores}`]

/** The folder of MNIST's files, for all sides. */
const dataFolder = async () => {
  const given = flags.data ?? process.env['DIGITLAB_DATA']
  await loadDataset('mnist', given === undefined ? {} : { folder: given }) // fetches what is missing, refuses what is wrong
  return given ?? join(cacheFolder(process.env), 'mnist')
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
  const results = join(root, 'tooling', 'bench', 'results')
  const out = flags.out ?? join(root, 'runs', `bench-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}`)
  await mkdir(out, { recursive: true })
  const measured = await conditions(torch, await measurePeak())
  const nothing: BenchResult = { ...measured, images: 60_000, rounds, epochs: [] }
  let result = (await readResult(out)) ?? (flags.publish ? await readResult(results) : undefined) ?? nothing
  const put = async (part: Partial<BenchResult>) => {
    result = { ...result, ...part }
    await writeFiles(result, out, root)
    if (flags.publish) await publish(result, root)
  }
  /** Entries of this measurement beside those of the same commit of models that are not measured now, in the order of the models. */
  const besideOthers = <T extends { readonly model: string }>(
    part: { readonly measured: Conditions; readonly entries: readonly T[] } | undefined,
    entries: readonly T[],
  ): T[] => {
    const kept =
      part?.measured.commit === measured.commit ? part.entries.filter(({ model }) => !models.includes(model)) : []
    const place = ({ model }: T) => (modelNames as readonly string[]).indexOf(model)
    return [...kept, ...entries].sort((a, b) => place(a) - place(b))
  }
  const few = { rounds: fewerRounds, say }
  const { data } = context
  const measuring: Readonly<Record<PartName, () => Promise<Partial<BenchResult>>>> = {
    epochs: async () => {
      const epochs: (typeof result.epochs)[number][] = []
      for (const model of models.filter(isModel)) {
        const sides = taken(sidesFor(model, { ...context, batchSize: 64 }))
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
      const entries = await measureAnswers(models.filter(isModel), where, { rounds, say })
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
  if (compared.some(({ sides }) => sides.some(({ agreement }) => agreement && !agreement.agrees))) process.exitCode = 1
} finally {
  await rm(temporary, { recursive: true, force: true })
}
