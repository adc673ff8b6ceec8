/** A model that can't be: shapes that don't fit, names used twice, an unknown option. */
export class ModelError extends Error {
  /** The same in every version: to tell it apart from other errors without its class. */
  readonly code = 'bad-model'
  readonly mendable = true
  override name = 'ModelError'
}
