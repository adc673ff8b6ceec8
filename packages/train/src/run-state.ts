// Where a run stands between two steps: what a checkpoint holds, with the weights on the backend.
import type { StateDict } from '@digitlab/models'
import { MersenneTwister, type MersenneTwisterState } from '@digitlab/random'
import type { Checkpoint, EpochTotals } from './checkpoint'
import type { Optimizer } from './optimizer'
import type { EpochRecord } from './run-record'

/** It is changed by the steps that are taken. */
export interface RunState {
  /** The current one, from 1; one more than there are where the last one is done. */
  epoch: number
  /** Steps taken within it. */
  step: number
  totals: EpochTotals
  /** Of every step. */
  readonly stepLosses: number[]
  /** Those that are done. */
  readonly epochs: EpochRecord[]
  /** The weights of the best epoch so far, where the best are kept. */
  best: { readonly epoch: number; readonly weights: StateDict } | undefined
  timing: Checkpoint['timing']
  /** The run's one generator. */
  generator: MersenneTwister
  /** As it was before the order of the current epoch was drawn. */
  drawnFrom: MersenneTwisterState
  /** What the generator is to be once that order is drawn anew; set if a run is resumed within an epoch. */
  goesOnFrom: MersenneTwisterState | undefined
  readonly optimizer: Optimizer
}

export const noTotals: EpochTotals = { images: 0, loss: 0, correct: 0, seconds: 0 }

/** At the beginning of a run, whose generator has drawn the initial weights. */
export const freshState = (generator: MersenneTwister, optimizer: Optimizer, epochs: EpochRecord[]): RunState => ({
  ...{ epoch: 1, step: 0, totals: noTotals, stepLosses: [], epochs, best: undefined },
  timing: { trainSeconds: 0, evaluationSeconds: 0, images: 0 },
  ...{ generator, drawnFrom: generator.state(), goesOnFrom: undefined, optimizer },
})

/** Where a checkpoint was made. */
export const stateOf = (checkpoint: Checkpoint, optimizer: Optimizer, epochs: EpochRecord[]): RunState => {
  const { epoch, step, totals, stepLosses, best, timing, generator, generatorNow } = checkpoint
  return {
    ...{ epoch, step, totals, timing, drawnFrom: generator, optimizer },
    ...{ stepLosses: [...stepLosses], epochs, best },
    generator: new MersenneTwister(generator),
    goesOnFrom: step === 0 ? undefined : generatorNow,
  }
}

/** The part of a checkpoint that the steps change, but for what is on the backend. */
export const standing = (state: RunState) => {
  const { epoch, step, totals, stepLosses, epochs, best, timing, generator, drawnFrom } = state
  return {
    ...{ epoch, step, totals, timing, generator: drawnFrom, generatorNow: generator.state() },
    ...{ epochs: [...epochs], stepLosses: Float32Array.from(stepLosses) },
    ...(best ? { best } : {}),
  }
}
