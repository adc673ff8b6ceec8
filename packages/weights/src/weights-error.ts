/** A file of weights that is damaged, hostile, or of another model. */
export class WeightsError extends Error {
  readonly mendable = true
  override name = 'WeightsError'
}
