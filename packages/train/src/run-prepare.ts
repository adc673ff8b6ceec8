// The second part of a run: weights and images are put onto the backend.
import type { BackendInfo } from '@digitlab/backends'
import type { Split } from '@digitlab/data'
import { initialWeights, type StateDict } from '@digitlab/models'
import { uploadWeights } from '@digitlab/models/compute'
import type { BatchSource } from '@digitlab/ops'
import { MersenneTwister } from '@digitlab/random'
import { checkResumable } from './checkpoint'
import { createImageStream, type ImageStream, type TrainingSource } from './image-stream'
import { beginWith } from './initial'
import { createOptimizer, uploadOptimizer } from './optimizer'
import type { RunOptions } from './run-options'
import type { Run } from './run-record'
import { freshState, stateOf, type RunState } from './run-state'
import { sourceOf } from './split-source'
import { type Plan, stepsIn } from './run-plan'

/** What is on the backend during a run. */
export interface Prepared {
  readonly info: BackendInfo
  readonly startedAt: string
  readonly dataset: Run['dataset']
  readonly state: RunState
  readonly initial: StateDict
  readonly train: TrainingSource
  readonly test: BatchSource
  /** Where the training images are others every epoch. */
  readonly stream: ImageStream | undefined
  /** What there was to tell before the run began. */
  readonly notices: readonly string[]
  /** Images that were set aside, which are looked at after each epoch in place of the test images. */
  readonly validation: BatchSource | undefined
  dispose(): void
}

/** Draws or takes the weights, and puts them and the images onto the backend. */
export const prepare = async (plan: Plan, options: RunOptions, info: BackendInfo): Promise<Prepared> => {
  const { resume, imageWorkers } = options
  const { data, experiment, extensions, model, given } = plan
  const dataset = describeDataset(plan)
  if (resume) checkResumable(resume, { experiment, dataset, backend: info })
  const generator = new MersenneTwister(experiment.seed)
  const initial = beginWith(model, initialWeights(model, generator), given)
  const epochs = [...(resume?.epochs ?? [])]
  const steps = { experiment, stepsPerEpoch: stepsIn(data, experiment), extensions, history: epochs }
  const state = resume
    ? stateOf(resume, uploadOptimizer(model, steps, resume.optimizer), epochs)
    : freshState(generator, createOptimizer(model, steps, uploadWeights(model, initial)), epochs)
  const source = (split: Split) => sourceOf(split, data.imageShape, experiment.normalize)
  const test = source(data.test)
  const validation = plan.validation && source(plan.validation)
  const notices: string[] = []
  const stream = await createImageStream({
    ...{ experiment, train: data.train, imageShape: data.imageShape, classes: data.classes },
    ...{ extensions, workers: imageWorkers },
    notice: (sentence) => void notices.push(sentence),
  })
  const train = stream?.source ?? source(data.train)
  return {
    ...{ info, state, initial, train, test, validation, stream, notices, dataset: resume?.dataset ?? dataset },
    startedAt: resume?.startedAt ?? new Date().toISOString(),
    dispose() {
      for (const held of [state.optimizer, train, test, validation]) held?.dispose()
    },
  }
}

const describeDataset = ({ data, validation }: Pick<Plan, 'data' | 'validation'>): Run['dataset'] => ({
  name: data.name,
  title: data.title,
  origin: data.origin,
  ...(data.notice === undefined ? {} : { notice: data.notice }),
  classNames: data.classNames,
  trainCount: data.train.count,
  ...(validation ? { validationCount: validation.count } : {}),
  testCount: data.test.count,
  files: data.files,
})
