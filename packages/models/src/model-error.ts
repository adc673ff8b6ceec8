/** A model that can't be: shapes that don't fit, names used twice, an option that is none. */
export class ModelError extends Error {
  readonly mendable = true
  override name = 'ModelError'
}
