import { shownSentence } from './shown'

/** Where in a model's definition: `['layers', 2, 'out']`, as `JSON.parse` would be walked; empty for the whole of it. */
export type ModelPath = readonly (string | number)[]

/** A model that can't be: shapes that don't fit, names used twice, an unknown option. Its message is one line of bounded length. */
export class ModelError extends Error {
  /** The same in every version: to tell it apart from other errors without its class. */
  readonly code = 'bad-model'
  readonly mendable = true
  override name = 'ModelError'
  /**
   * Where the definition is wrong, for an editor that marks the place: a value that is missing is where it belongs, a name used twice
   * where it is used again. Undefined if the error is not about a definition, such as weights that do not fit.
   */
  readonly path: ModelPath | undefined

  constructor(message: string, { path, ...options }: ErrorOptions & { readonly path?: ModelPath } = {}) {
    super(shownSentence(message), options)
    this.path = path
  }
}

/** A path as sentences have it: `layers[2].out`. */
export const shownPath = (path: ModelPath): string =>
  path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${part}`)).join('')
