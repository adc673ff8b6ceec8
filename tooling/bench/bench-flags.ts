// What `npm run bench` is asked for: by itself, so that what is wrong is said before all that measures is loaded.
import { caseStudyModels, modelNames, type ModelName } from '@digitlab/models'
import { flagsOf, Refusal, refuse } from './command-line'

export const partNames = ['epochs', 'batches', 'sizes', 'answers', 'start-up', 'jax-page'] as const
export type PartName = (typeof partNames)[number]

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

const isModel = (name: string): name is ModelName => (modelNames as readonly string[]).includes(name)
const isPart = (name: string): name is PartName => (partNames as readonly string[]).includes(name)

/** The flags as they are given, lists taken apart; ends with a sentence where one of them cannot be. */
export const benchFlags = () => {
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
  const models = flags.models
    .split(',')
    .map((name) => (isModel(name) ? name : refuse(`--models names ${name}: choose from ${modelNames.join(', ')}`)))
  const rounds = Number(flags.rounds)
  if (!Number.isInteger(rounds) || rounds < 1) refuse(`--rounds must be an integer from 1, not ${flags.rounds}`)
  const parts = flags.parts
    .split(',')
    .map((name) => (isPart(name) ? name : refuse(`--parts names ${name}: choose from ${partNames.join(', ')}`)))
  return { ...flags, models, rounds, parts, sides: flags.sides?.split(',') }
}

/** What it is asked for. */
export type BenchFlags = ReturnType<typeof benchFlags>

/**
 * The sides that --sides names, or all of them.
 *
 * @throws Refusal where it names one that is not there: there are other sides with PyTorch, or with several processors
 */
export const namedSides = <S extends { readonly id: string }>(
  sides: readonly S[],
  named: readonly string[] | undefined,
): readonly S[] => {
  const ids = sides.map(({ id }) => id)
  const unknown = named?.filter((id) => !ids.includes(id)) ?? []
  if (unknown.length > 0) throw new Refusal(`--sides names ${unknown.join(', ')}: choose from ${ids.join(', ')}`)
  return sides.filter(({ id }) => named?.includes(id) ?? true)
}
