/** A value on the command line that a user can mend. */
export class UsageError extends Error {
  readonly mendable = true
  override name = 'UsageError'
}
