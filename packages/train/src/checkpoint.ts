// Where a run stands, in full: with it a run is resumed to the bit as if it had never stopped.
import type { BackendInfo } from '@digitlab/backends'
import { sha256 } from '@digitlab/data'
import type { StateDict } from '@digitlab/models'
import type { MersenneTwisterState } from '@digitlab/random'
import { readSafetensors, WeightsError, withCounts, writeSafetensors } from '@digitlab/weights'
import { checkState, checkWhole } from './check-checkpoint'
import { experimentDifference, type Experiment } from './complete-experiment'
import { TrainError } from './train-error'
import type { Extensions } from './extensions'
import type { OptimizerState } from './optimizer'
import type { EpochRecord, Run } from './run-record'

/** The version of a checkpoint's form that this package writes; version 1 had no `generatorNow`. */
const checkpointVersion = 2

const damaged = { code: 'bad-checkpoint' } as const

/** How often a checkpoint is made. */
export type CheckpointInterval = { readonly steps: number } | { readonly epochs: number } | { readonly seconds: number }

/** What is known of an epoch before its end. */
export interface EpochTotals {
  readonly images: number
  /** Sum over the images. */
  readonly loss: number
  readonly correct: number
  readonly seconds: number
}

/** A run between two steps. */
export interface Checkpoint {
  readonly experiment: Experiment
  /** Absent where one is made only where the run is aborted. */
  readonly every?: CheckpointInterval
  readonly startedAt: string
  readonly dataset: Run['dataset']
  readonly backend: BackendInfo
  /** As it was before the order of the current epoch was drawn. */
  readonly generator: MersenneTwisterState
  /** As it is now, after what layers drew in this epoch; absent in a checkpoint of version 1, whose models did not draw. */
  readonly generatorNow?: MersenneTwisterState
  /** The current one, from 1; one more than there are where the last one is done. */
  readonly epoch: number
  /** Steps taken within it. */
  readonly step: number
  readonly totals: EpochTotals
  readonly epochs: readonly EpochRecord[]
  readonly timing: { readonly trainSeconds: number; readonly evaluationSeconds: number; readonly images: number }
  /** float32, as every loss is one. */
  readonly stepLosses: Float32Array
  readonly optimizer: OptimizerState
  /** The weights of the best epoch so far, where the best are kept. */
  readonly best?: { readonly epoch: number; readonly weights: StateDict }
  /** What the run began with, where that was given. */
  readonly initial?: StateDict
}

/** A checkpoint as the bytes of a safetensors file, whose metadata hold what is not an array and a checksum of everything. */
export const writeCheckpoint = async (checkpoint: Checkpoint): Promise<Uint8Array> => {
  const { optimizer, stepLosses, initial, best, ...rest } = checkpoint
  const arrays: StateDict = new Map([['stepLosses', { shape: [stepLosses.length], data: stepLosses }]])
  put(arrays, 'weights', optimizer.weights)
  for (const [name, values] of optimizer.moments) put(arrays, name, values)
  if (initial) put(arrays, 'initial', initial)
  if (best) put(arrays, 'best', best.weights)
  // What counts comes last, as it does where it is read: the checksum is over the entries in their order.
  for (const [name, entry] of [...arrays])
    if (entry.dtype) {
      arrays.delete(name)
      arrays.set(name, entry)
    }
  const moments = [...optimizer.moments.keys()]
  const state = JSON.stringify({
    ...rest,
    optimizer: { steps: optimizer.steps, moments },
    initial: initial !== undefined,
    ...(best ? { best: best.epoch } : {}),
  })
  const metadata = { format: 'digitlab-checkpoint', version: String(checkpointVersion), state }
  return writeSafetensors(arrays, { metadata: { ...metadata, sha256: await checkSum(arrays, state) } })
}

const put = (arrays: StateDict, prefix: string, weights: StateDict) => {
  for (const [name, entry] of weights) arrays.set(`${prefix}/${name}`, entry)
}

const checkSum = (arrays: StateDict, state: string): Promise<string> =>
  sha256(writeSafetensors(arrays, { metadata: { state } }))

/**
 * Reads a checkpoint.
 *
 * @param name the file's name in error messages
 * @param extensions what its experiment may name beside what this package has
 * @throws TrainError if it is not one, of another version, a bit of it has changed, or it is not a place in a run of its experiment;
 * ModelError where the experiment's model is none
 */
export const readCheckpoint = async (
  bytes: Uint8Array,
  name = 'the checkpoint',
  extensions: Extensions = {},
): Promise<Checkpoint> => {
  const contents = soundFile(bytes, name)
  const { metadata } = contents
  const arrays = withCounts(contents)
  const [format, version, state] = [metadata.get('format'), metadata.get('version'), metadata.get('state')]
  if (format !== 'digitlab-checkpoint' || state === undefined)
    throw new TrainError(
      `${name} is not a checkpoint: expected the format "digitlab-checkpoint", found ${format ?? 'none'}`,
      damaged,
    )
  if (version !== '1' && version !== String(checkpointVersion))
    throw new TrainError(
      `${name} has version ${version ?? 'none'}, this digitlab reads versions 1 to ${checkpointVersion}: use the one that wrote it`,
      damaged,
    )
  if ((await checkSum(arrays, state)) !== metadata.get('sha256'))
    throw new TrainError(
      `${name} is damaged: its checksum does not match; train again, or resume from another copy`,
      damaged,
    )
  const { optimizer, initial, best, ...rest } = checkState(state, version, name, extensions)
  const checkpoint: Checkpoint = {
    ...rest,
    stepLosses: arrays.get('stepLosses')?.data ?? new Float32Array(0),
    optimizer: {
      steps: optimizer.steps,
      weights: take(arrays, 'weights'),
      moments: new Map(optimizer.moments.map((moment) => [moment, take(arrays, moment)])),
    },
    ...(initial ? { initial: take(arrays, 'initial') } : {}),
    ...(best === undefined ? {} : { best: { epoch: best, weights: take(arrays, 'best') } }),
  }
  checkWhole(checkpoint, name, extensions)
  return checkpoint
}

const soundFile = (bytes: Uint8Array, name: string): ReturnType<typeof readSafetensors> => {
  try {
    return readSafetensors(bytes, name)
  } catch (cause) {
    if (!(cause instanceof WeightsError)) throw cause
    throw new TrainError(`${name} is damaged (${cause.message}); train again, or resume from another copy`, {
      ...damaged,
      cause,
    })
  }
}

const take = (arrays: StateDict, prefix: string): StateDict =>
  new Map(
    [...arrays]
      .filter(([name]) => name.startsWith(`${prefix}/`))
      .map(([name, entry]) => [name.slice(prefix.length + 1), entry]),
  )

/**
 * Throws a {@link TrainError} naming the difference where a checkpoint is of another run: of another experiment, of other
 * data, or of a backend that does not compute the same bits.
 */
export const checkResumable = (
  checkpoint: Checkpoint,
  run: { readonly experiment: Experiment; readonly dataset: Run['dataset']; readonly backend: BackendInfo },
): void => {
  const refuse = (difference: string) => {
    throw new TrainError(
      `the checkpoint is of another run: ${difference}; only the same run can be resumed to the bit, another one can begin with its weights`,
      damaged,
    )
  }
  const difference = experimentDifference(checkpoint.experiment, run.experiment)
  if (difference !== undefined) refuse(difference)
  const { dataset, backend } = checkpoint
  for (const count of ['trainCount', 'testCount'] as const)
    if (dataset[count] !== run.dataset[count])
      refuse(`its data set has a ${count} of ${dataset[count]}, this one's ${run.dataset[count]}`)
  dataset.files.forEach(({ name, sha256 }, i) => {
    const found = run.dataset.files[i]?.sha256
    if (found !== sha256) refuse(`its ${name} has the SHA-256 ${sha256.slice(0, 8)}, this one's ${found?.slice(0, 8)}`)
  })
  for (const key of ['id', 'device'] as const)
    if (backend[key] !== run.backend[key]) refuse(`its backend is ${backend[key]}, this one is ${run.backend[key]}`)
  for (const [name, version] of Object.entries(backend.versions))
    if (run.backend.versions[name] !== version)
      refuse(`it was computed with ${name} ${version}, here is ${run.backend.versions[name] ?? 'none'}`)
}

/** Throws a {@link TrainError} where an interval is none. */
export const checkInterval = (every: CheckpointInterval): void => {
  const { steps, epochs, seconds }: { steps?: unknown; epochs?: unknown; seconds?: unknown } = every ?? {}
  const given = [steps, epochs, seconds].filter((value) => value !== undefined)
  const [count] = given
  const fits =
    typeof count === 'number' && (seconds === undefined ? Number.isSafeInteger(count) && count >= 1 : count > 0)
  if (given.length !== 1 || !fits || !Number.isFinite(count))
    throw new TrainError(
      `a checkpoint is made every so many steps or epochs, at least 1, or every so many seconds, not ${JSON.stringify(every)}`,
    )
}
