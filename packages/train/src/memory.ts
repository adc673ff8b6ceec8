// Whether a training fits into memory, before anything is drawn or uploaded.
import type { Backend } from '@digitlab/backends'
import { bytesOfImage, type Dataset } from '@digitlab/data'
import { trainingMemory, type Model } from '@digitlab/models'
import { evaluationBatch } from './evaluate'
import { type Experiment } from './complete-experiment'
import type { Extensions } from './extensions'
import { momentNames } from './moments'
import { TrainError } from './train-error'
import { hostMemory } from './host'

const float = 4

/** How many arrays the optimizer keeps for each weight. */
const momentsOf = (experiment: Experiment, extensions: Extensions): number => momentNames(experiment, extensions).length

/**
 * Bytes that a training holds at once on its backend, at least, as what is refused must not fit: weights, gradients and what the
 * optimizer adds to them; all images; of the largest batch what the widest layer reads and makes.
 */
export const leastMemory = (
  model: Model,
  experiment: Experiment,
  { imageShape, train, test }: Pick<Dataset, 'imageShape'> & Record<'train' | 'test', Counted>,
  extensions: Extensions = {},
): number => {
  const batch = Math.max(
    Math.min(experiment.batchSize / (experiment.accumulate ?? 1), train.count),
    Math.min(evaluationBatch, test.count),
  )
  const values = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)
  const widest = Math.max(...model.layers.map(({ input, output }) => values(input) + values(output)))
  // Of images that are streamed a block is held at a time.
  const held = ({ count, stream }: Counted) => (stream ? Math.min(count, batch) : count)
  const images = (held(train) + held(test)) * bytesOfImage(imageShape)
  const { weights } = trainingMemory(model, { batchSize: batch, moments: momentsOf(experiment, extensions) })
  return weights + images + float * batch * widest
}

interface Counted {
  readonly stream?: unknown
  readonly count: number
}

/**
 * Throws a {@link TrainError} with both numbers where a training can't fit into what its backend, or this machine, has.
 */
export const checkMemory = (
  model: Model,
  experiment: Experiment,
  data: Dataset,
  { id, asynchronous, memory }: Backend,
  extensions: Extensions,
): void => {
  const weights = float * model.parameterCount
  const needed = leastMemory(model, experiment, data, extensions)
  const refuse = (needed: number, owner: string, has: number) => {
    throw new TrainError(
      `the model "${model.name}" has ${model.parameterCount.toLocaleString('en')} weights, and training it needs at least ${gigabytes(needed)}; ${owner} has ${gigabytes(has)}: take a smaller model or batch`,
    )
  }
  const own = memory?.()
  if (own !== undefined && needed > own) refuse(needed, `the backend ${id}`, own)
  const host = hostMemory()
  const onHost = weights + (asynchronous ? 0 : needed) // the initial weights are drawn here
  if (host !== undefined && onHost > host) refuse(onHost, 'this machine', host)
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`
