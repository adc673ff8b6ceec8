// Indices run over the shapes of the model's parameters: each `!` is in range.
import type { Model, Parameter } from './definition'
import type { Array64 } from './kit'
import { ModelError } from './model-error'
import type { StateDict } from './state-dict'

/** Weights in float64 and tfjs's layout, by PyTorch's names. */
export type StateDict64 = Map<string, Array64>

/**
 * Throws a {@link ModelError} where a state dict has not the entries of a model, naming entry, expected and found.
 *
 * @param entries those that it must have: all, or the parameters alone
 */
export const checkStateDict = (
  model: Model,
  weights: StateDict,
  entries: readonly Parameter[] = model.entries,
): void => {
  const shown = (shape: readonly number[]) => `[${shape.join(', ')}]`
  for (const { name, shape } of entries) {
    const entry = weights.get(name)
    if (!entry) {
      const held = [...weights.keys()].join(', ') || 'nothing'
      throw new ModelError(`the model "${model.name}" needs "${name}" ${shown(shape)}, the weights hold ${held}`)
    }
    if (entry.shape.join() !== shape.join())
      throw new ModelError(
        `"${name}" of the model "${model.name}" has shape ${shown(shape)}, the weights hold ${shown(entry.shape)}`,
      )
  }
  const known = new Set(entries.map(({ name }) => name))
  const extra = [...weights.keys()].filter((name) => !known.has(name))
  if (extra.length > 0)
    throw new ModelError(`the model "${model.name}" has no "${extra.join('", "')}", which the weights hold`)
}

/** A state dict in float64 and tfjs's layout. */
export const readTfjsLayout = (model: Model, weights: StateDict): StateDict64 => {
  checkStateDict(model, weights)
  return new Map(
    model.entries.map(({ name, layout: { shape, source } }) => {
      const { data } = weights.get(name)!
      const values = new Float64Array(data.length)
      for (let i = 0; i < values.length; i++) values[i] = data[source(i)]!
      return [name, { shape, data: values }]
    }),
  )
}
