// `npm run bench:nets`: the nets of the catalogue, each trained by its recipe: how good they become, how long an epoch takes beside PyTorch
// with the same recipe, and how soon `sprint` reaches 99 %. What is measured is added to tooling/bench/results/nets.json with --publish.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '@digitlab/data/node'
import { modelNames, resolveModel, type ModelName } from '@digitlab/models'
import {
  completeExperiment,
  experimentId,
  parseRun,
  withRecipe,
  type Experiment,
  type ExperimentInput,
} from '@digitlab/train'
import { execa } from 'execa'
import { formatted, writeMarkedPart } from '../packages/marked-part'
import { writeAugmented } from './augmented-files'
import { flagsOf, refuse, say } from './command-line'
import { netsTable, type Conditions, type NetFigures, type NetsResult } from './nets-table'
import { recipeSides, trainInTurns } from './recipe-sides'
import { pythonWithTorch } from './sides'

const usage = `npm run bench:nets -- [options]

  --runs <folder>      take the accuracies of the completed runs that lie in it, of any depth: those by the recipe of a model
  --time <list>        models whose epochs are timed beside PyTorch, such as lenet-5,pytorch-example
  --images <n>         for --time: train on so many of the 60,000, where an epoch would take minutes; seconds are those of all
  --sprint <n>         train sprint from n seeds beside PyTorch: the time to 99 %
  --rounds <n>         turns of each side for --time; 3 unless given
  --data <folder>      with MNIST's four files; DIGITLAB_DATA or the cache unless given
  --python <path>      a python3 that has torch; python3 unless given
  --publish            put it into README.md and tooling/bench/results as well`

const root = fileURLToPath(new URL('../..', import.meta.url))
const text = { type: 'string' } as const

const flags = flagsOf(usage, {
  options: {
    ...{ runs: text, time: text, images: text, sprint: text, data: text, rounds: { ...text, default: '3' } },
    ...{ python: { ...text, default: 'python3' }, publish: { type: 'boolean', default: false } },
    help: { type: 'boolean', default: false },
  },
})

/** MNIST's. */
const all = 60_000

/** A number of something. */
const count = (flag: string, given: string): number => {
  const value = Number(given)
  return Number.isInteger(value) && value >= 1 ? value : refuse(`--${flag} must be an integer from 1, not ${given}`)
}

const rounds = count('rounds', flags.rounds)
const images = flags.images === undefined ? undefined : count('images', flags.images)
const sprints = flags.sprint === undefined ? undefined : count('sprint', flags.sprint)
const isModel = (name: unknown): name is ModelName => modelNames.some((known) => known === name)
const timed = (flags.time?.split(',') ?? []).map((name) =>
  isModel(name) ? name : refuse(`--time names ${name}: choose from ${modelNames.join(', ')}`),
)

const experimentOf = (model: ModelName, more: Partial<ExperimentInput> = {}) =>
  completeExperiment({ ...withRecipe({ model, dataset: 'mnist' }), ...more })

/** How many images of some an epoch trains on: all that are not set aside. */
const trainedOf = ({ validation = 0 }: Experiment, images: number): number => {
  const size = typeof validation === 'number' ? validation : validation.size
  return images - (size < 1 ? Math.floor(size * images) : size)
}

/** Accuracies on the test images of the runs in a folder that were trained as the recipe of their model says, by model and seed. */
const accuraciesIn = async (folder: string): Promise<ReadonlyMap<ModelName, ReadonlyMap<number, number>>> => {
  const found = new Map<ModelName, Map<number, number>>()
  const files = await readdir(folder, { recursive: true })
  for (const file of files.filter((name) => /(^|[/\\])run\.json$/.test(name))) {
    const run = parseRun(await readFile(join(folder, file), 'utf8'))
    const { model, seed } = run.experiment
    if (run.status !== 'completed' || !isModel(model)) continue
    const asNow = JSON.stringify(run.model.definition) === JSON.stringify(resolveModel(model).definition)
    if (!asNow || run.id !== (await experimentId(experimentOf(model, { seed })))) {
      say(`${file} is left out: it was not trained as the recipe of ${model} says`)
      continue
    }
    const of = found.get(model) ?? new Map<number, number>()
    found.set(model, of.set(seed, run.metrics.accuracy)) // a seed counts once
  }
  return found
}

const torch = await pythonWithTorch(flags.python)
const cores = availableParallelism()
const measured: Conditions = {
  date: new Date().toISOString().slice(0, 10),
  commit: (await execa('git', ['rev-parse', '--short', 'HEAD'], { cwd: root })).stdout,
  processor: cpus()[0]?.model ?? 'unknown',
  ...{ cores, node: process.versions.node, torch: torch ?? null },
}
const context = {
  data: flags.data ?? process.env['DIGITLAB_DATA'] ?? join(cacheFolder(process.env), 'mnist'),
  ...{ cores, python: flags.python, torch },
}

const path = join(root, 'tooling', 'bench', 'results', 'nets.json')
const before = await readFile(path, 'utf8').then(
  (found) => JSON.parse(found) as NetsResult,
  (): NetsResult => ({ nets: {} }),
)
const nets: Record<string, NetFigures> = { ...before.nets }
const put = (model: ModelName, part: Partial<NetFigures>): void => {
  const { parameterCount: parameters } = resolveModel(model)
  nets[model] = { ...nets[model], parameters, epochs: experimentOf(model).epochs, ...part }
}

if (flags.runs !== undefined)
  for (const [model, of] of await accuraciesIn(flags.runs)) {
    const seeds = [...of].sort(([a], [b]) => a - b)
    put(model, { seeds: seeds.map(([seed]) => seed), accuracies: seeds.map(([, accuracy]) => accuracy) })
  }
for (const model of timed) {
  // One epoch, whatever the recipe has: an epoch of it takes as long as any other.
  const experiment = experimentOf(model, { epochs: 1 })
  const taken = images ?? all
  const written = experiment.augment
    ? await writeAugmented(experiment, { data: context.data, images: taken, seeds: rounds + 1 })
    : undefined
  try {
    const sides = recipeSides(model, experiment, {
      ...{ ...context, images: taken },
      ...(written ? { augmented: written.folder } : {}),
    })
    const { turns, failed } = await trainInTurns(model, sides, { rounds, warm: true, say })
    const share = trainedOf(experiment, all) / trainedOf(experiment, taken)
    const seconds = Object.fromEntries(
      Object.entries(turns).map(([id, of]) => [id, of.map((turn) => turn.seconds * share)]),
    )
    Reflect.deleteProperty(nets[model] ?? {}, 'failed') // what failed before need not fail now
    put(model, { seconds, images: taken, ...(failed ? { failed } : {}), timed: measured })
  } finally {
    await written?.remove()
  }
}
const sprint =
  sprints === undefined
    ? before.sprint
    : await trainInTurns('sprint', recipeSides('sprint', experimentOf('sprint'), context), {
        ...{ rounds: sprints, warm: false, say },
      }).then(({ turns }) => ({ turns, measured }))
const result: NetsResult = { nets, ...(sprint ? { sprint } : {}) }
console.log(netsTable(result))
if (flags.publish) {
  await writeFile(path, await formatted(JSON.stringify(result), 'json'))
  await writeMarkedPart(join(root, 'README.md'), 'nets', 'npm run bench:nets -- --publish', netsTable(result))
}
