import { shownSentence } from '@digitlab/models'

/** What a {@link TrainError} is about, for a program that acts on it; the sentence is for people. */
export type TrainErrorCode =
  /** An experiment, an option or data that do not fit. */
  | 'bad-input'
  /** A run.json, its predictions or a reference trace that is none, damaged, or contradicts itself. */
  | 'bad-run'
  /** A checkpoint that is none, damaged, or of another run. */
  | 'bad-checkpoint'
  /** A loss, or what a model computes, is not a number. */
  | 'diverged'
  /** Memory does not suffice. */
  | 'too-large'
  /** Workers that are not available, stopped or say nothing. */
  | 'workers'

/** A run that cannot start or continue, for a reason that a user can fix: an experiment with a wrong value, data that do not fit, a loss that is not a number. */
export class TrainError extends Error {
  readonly mendable = true
  override name = 'TrainError'
  readonly code: TrainErrorCode

  constructor(
    message: string,
    { code = 'bad-input', ...options }: ErrorOptions & { readonly code?: TrainErrorCode } = {},
  ) {
    super(shownSentence(message), options)
    this.code = code
  }
}

/** Whether a user can fix an error: the errors of all these packages say so themselves. */
export const isMendable = (error: unknown): error is Error =>
  error instanceof Error && 'mendable' in error && error.mendable === true
