import { shownSentence } from '@digitlab/models'

/** A file of weights that is damaged, hostile, or of another model. Its message is one line of bounded length, whatever the file holds. */
export class WeightsError extends Error {
  readonly mendable = true
  override name = 'WeightsError'
  /** The names to choose from, where a file holds several state dicts and none was named. */
  readonly choices: readonly string[]

  constructor(
    message: string,
    { choices = [], ...options }: ErrorOptions & { readonly choices?: readonly string[] } = {},
  ) {
    super(shownSentence(message), options)
    this.choices = choices
  }
}
