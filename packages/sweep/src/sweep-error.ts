/** What whoever wrote a plan or a condition can mend. */
export class SweepError extends Error {
  readonly mendable = true
  override name = 'SweepError'
}
