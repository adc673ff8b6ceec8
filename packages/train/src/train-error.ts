/** What a {@link TrainError} is about, for a program that acts on it; the sentence is for people. */
export type TrainErrorCode =
  /** An experiment, an option or data that do not fit. */
  | 'bad-input'
  /** A run.json, its predictions or a reference trace that is none, damaged, or contradicts itself. */
  | 'bad-run'
  /** A checkpoint that is none, damaged, or of another run. */
  | 'bad-checkpoint'
  /** A loss, or what a model computes, is no number. */
  | 'diverged'
  /** Memory does not suffice. */
  | 'too-large'
  /** Workers that can't be had, stopped or say nothing. */
  | 'workers'

/** A run that can't be, or can't go on, as somebody can mend: an experiment with a wrong value, data that do not fit, a loss that is no number. */
export class TrainError extends Error {
  readonly mendable = true
  override name = 'TrainError'
  readonly code: TrainErrorCode

  constructor(
    message: string,
    { code = 'bad-input', ...options }: ErrorOptions & { readonly code?: TrainErrorCode } = {},
  ) {
    super(message, options)
    this.code = code
  }
}

/** Whether an error is one that a user can mend: the errors of all these packages say so of themselves. */
export const isMendable = (error: unknown): error is Error =>
  error instanceof Error && 'mendable' in error && error.mendable === true
