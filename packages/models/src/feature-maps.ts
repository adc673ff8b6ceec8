import { float64 } from '@digitlab/ops'
import type { Model } from './definition'
import { readTfjsLayout } from './layout'
import type { StateDict } from './state-dict'

/**
 * What the filters of a model's first convolution make of one image, after the ReLU where one follows: in float64, by
 * plain loops.
 *
 * @param image bytes, [height, width, channels], 255 for full ink
 * @param normalize what the model was trained with, of pixels from 0 to 1; (pixel - mean) / std
 * @returns [height, width, filters]; undefined if the model does not begin with filters
 * @throws ModelError if the weights are not those of the model
 */
export const firstFeatureMaps = (
  model: Model,
  weights: StateDict,
  image: Uint8Array,
  { mean, std }: { readonly mean: number; readonly std: number } = { mean: 0, std: 1 },
): { shape: [height: number, width: number, filters: number]; data: Float64Array } | undefined => {
  const [first, next] = model.layers
  if (!first || first.parameters.length === 0 || first.output.length !== 3) return undefined
  if (Object.keys(first.parts).length > 0) return undefined // of several layers
  const read = readTfjsLayout(model, weights)
  const held = (entries: typeof first.parameters) =>
    Object.fromEntries(entries.map(({ name, short }) => [short, read.get(name) as float64.Array64])) // it is checked
  const pixels = float64.array64(
    [1, ...model.definition.input],
    Float64Array.from(image, (shade) => (shade / 255 - mean) / std),
  )
  const run = { mode: 'evaluation', weights: {}, buffers: {} } as const
  const { options, parameters, buffers } = first
  let { y } = first.type.float64(float64, {
    ...{ ...run, x: pixels, options, weights: held(parameters), buffers: held(buffers) },
  })
  // An activation changes each value by itself and keeps nothing.
  if (next && next.parameters.length + next.buffers.length === 0 && next.output.join() === first.output.join())
    ({ y } = next.type.float64(float64, { ...run, x: y, options: next.options }))
  return { shape: [...first.output] as [number, number, number], data: y.data }
}
