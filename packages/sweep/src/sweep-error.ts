/** A mistake in a plan or a condition, which its author can fix. */
export class SweepError extends Error {
  readonly mendable = true
  override name = 'SweepError'
}
