/** A file of weights that is damaged, hostile, or of another model. */
export class WeightsError extends Error {
  readonly mendable = true
  override name = 'WeightsError'
  /** The names to choose from, where a file holds several state dicts and none was named. */
  readonly choices: readonly string[]

  constructor(
    message: string,
    { choices = [], ...options }: ErrorOptions & { readonly choices?: readonly string[] } = {},
  ) {
    super(message, options)
    this.choices = choices
  }
}
