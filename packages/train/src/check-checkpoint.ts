// Whether what a checkpoint holds is where a run can stand: its checksum says only that nobody changed it by accident.
import { Validator, type Schema } from '@cfworker/json-schema'
import { mnistFit, resolveModel, shownValue, type StateDict } from '@digitlab/models'
import runSchema from '../schema/run-1.schema.json'
import { checkInterval, type Checkpoint } from './checkpoint'
import { completeExperiment } from './complete-experiment'
import type { Extensions } from './extensions'
import { keptEntries, momentNames } from './moments'
import { bestEpoch } from './selection'
import { TrainError } from './train-error'
import { shownText } from './shown-text'

const { dataset, history, backend } = runSchema.properties
const { id, device, threads, versions } = backend.properties
const count = { type: 'integer', minimum: 0 }
const amount = { type: 'number', minimum: 0 }
const object = (properties: Record<string, unknown>) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
})

const generator = object({
  words: { type: 'array', items: { type: 'integer', minimum: 0, maximum: 0xffffffff }, minItems: 624, maxItems: 624 },
  position: { type: 'integer', minimum: 0, maximum: 624 },
})

/** What is no array, as its metadata hold it; the experiment and the interval have their own checks. */
const schemaOf = (version: string) => ({
  ...object({
    experiment: { type: 'object' },
    startedAt: { type: 'string' },
    dataset,
    backend: object({ id, device, threads, versions }),
    generator,
    epoch: { type: 'integer', minimum: 1 },
    step: count,
    totals: object({ images: count, loss: { type: 'number' }, correct: count, seconds: amount }),
    epochs: history.properties.epochs,
    timing: object({ trainSeconds: amount, evaluationSeconds: amount, images: count }),
    optimizer: object({ steps: count, moments: { type: 'array', items: { type: 'string' } } }),
    initial: { type: 'boolean' },
    ...(version === '1' ? {} : { generatorNow: generator }),
  }),
})

/** A checkpoint's JSON: what is kept as arrays is named in it. */
export type CheckpointState = Omit<Checkpoint, 'optimizer' | 'initial' | 'stepLosses' | 'best'> & {
  readonly best?: number
  readonly optimizer: { readonly steps: number; readonly moments: readonly string[] }
  readonly initial: boolean
}

/**
 * Checks the form of a checkpoint's JSON.
 *
 * @param name of the file, for errors
 * @throws TrainError naming what is wrong; ModelError if its experiment's model is none
 */
export const checkState = (text: string, version: string, name: string, extensions: Extensions): CheckpointState => {
  let state: unknown
  try {
    state = JSON.parse(text)
  } catch (cause) {
    throw wrong(name, `its state is not JSON, ${shownText((cause as Error).message)}`, cause)
  }
  const error = new Validator(schemaOf(version) as unknown as Schema, '2020-12').validate(state).errors.at(-1)
  if (error) throw wrong(name, `its state at ${shownText(error.instanceLocation)}: ${shownText(error.error)}`)
  const found = state as { -readonly [K in keyof CheckpointState]: CheckpointState[K] } // the schema saw its form
  if (version === '1') delete found.generatorNow // whatever it is
  if (found.best !== undefined && !(Number.isSafeInteger(found.best) && found.best >= 1))
    throw wrong(name, `its best epoch is ${shownValue(found.best)}`)
  // Once each number of workers gave bits of its own, and a checkpoint named it.
  delete (found as { workers?: unknown }).workers
  if (found.every !== undefined) checkInterval(found.every)
  found.experiment = completeExperiment(found.experiment, extensions)
  return found
}

/** Checks that the parts of a checkpoint are of one place in one run. @throws TrainError naming the first that is not */
export const checkWhole = (checkpoint: Checkpoint, name: string, extensions: Extensions): void => {
  const { experiment, dataset, epoch, step, totals, epochs, timing, stepLosses, optimizer, initial, best } = checkpoint
  const stepsPerEpoch = Math.ceil(dataset.trainCount / experiment.batchSize)
  const taken = (epoch - 1) * stepsPerEpoch + step
  const images = Math.min(step * experiment.batchSize, dataset.trainCount)
  const last = experiment.epochs + 1
  const same = (what: string, found: number, expected: number) => {
    if (found !== expected) throw wrong(name, `${what} are ${found}, where it stands there are ${expected}`)
  }
  if (stepsPerEpoch === 0) throw wrong(name, 'its data set has no training images')
  if (epoch > last || step > stepsPerEpoch || (epoch === last && step > 0))
    throw wrong(
      name,
      `it stands at step ${step} of epoch ${epoch}, the run has ${experiment.epochs} epochs of ${stepsPerEpoch} steps`,
    )
  same('its losses', stepLosses.length, taken)
  same("its optimizer's steps", optimizer.steps, taken)
  same('its epochs', epochs.length, epoch - 1)
  epochs.forEach((record, i) => {
    if (record.epoch !== i + 1) throw wrong(name, `its epoch ${i + 1} calls itself ${record.epoch}`)
    if ((record.validationAccuracy === undefined) !== (experiment.validation === undefined))
      throw wrong(name, `its epoch ${i + 1} does not tell what its experiment's validation asks for`)
  })
  same("its epoch's images", totals.images, images)
  same("its past epochs' images", timing.images, (epoch - 1) * dataset.trainCount)
  if (totals.correct > totals.images)
    throw wrong(name, `${totals.correct} of its ${totals.images} images are counted as right`)
  const expectedBest = experiment.keep === 'best' ? bestEpoch(experiment, epochs) : 0
  if ((best?.epoch ?? 0) !== expectedBest)
    throw wrong(
      name,
      `it keeps the weights of epoch ${best?.epoch ?? 'none'}, the best one is ${expectedBest || 'none'}`,
    )
  if ((initial !== undefined) !== (experiment.initial !== undefined))
    throw wrong(
      name,
      `the weights that it began with are ${initial ? 'there, and its experiment names none' : 'missing'}`,
    )
  checkArrays(checkpoint, name, extensions)
}

const checkArrays = (
  { experiment, optimizer: { weights, moments }, initial, best }: Checkpoint,
  name: string,
  extensions: Extensions,
): void => {
  const expected = momentNames(experiment, extensions)
  if ([...moments.keys()].join() !== expected.join())
    throw wrong(
      name,
      `it keeps ${[...moments.keys()].map(shownValue).join(', ') || 'nothing'} beside the weights, ${experiment.optimizer.name} keeps ${expected.join(', ') || 'nothing'}`,
    )
  // Its data set's images may be of another size than MNIST's: names are the same all the same.
  const model = resolveModel(experiment.model, mnistFit, extensions)
  const parts: [string, StateDict][] = [
    ['weights', weights],
    ...moments,
    ...(initial ? [['initial', initial] as const] : []),
    ...(best ? [['best', best.weights] as const] : []),
  ].map(([part, arrays]) => [part as string, arrays as StateDict])
  for (const [part, arrays] of parts) {
    const entries = moments.has(part) ? keptEntries(model, experiment, part) : model.entries
    const names = entries.map(({ name }) => name)
    const missing = names.find((entry) => !arrays.has(entry))
    if (missing !== undefined) throw wrong(name, `its ${part} lack ${shownValue(missing)}`)
    for (const [entry, { shape }] of arrays) {
      const [found, other] = [shape.join(', '), weights.get(entry)?.shape.join(', ')]
      if (!names.includes(entry)) throw wrong(name, `its ${part} hold ${shownValue(entry)}, which its model has not`)
      if (found !== other)
        throw wrong(name, `its ${part} hold ${shownValue(entry)} as [${found}], its weights as [${other}]`)
    }
  }
}

const wrong = (name: string, why: string, cause?: unknown): TrainError =>
  new TrainError(`${name} is damaged: ${why}; resume from another copy, or train again`, {
    cause,
    code: 'bad-checkpoint',
  })
