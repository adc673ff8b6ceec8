import { allTypes, checkForm, checkLayer } from './check-form'
import { layerTypes, type KnownLayer } from './layers'
import type { ActivationShape, ArraySpecs, LayerPlace, LayerType } from './layer-type'
import type { Initial } from './initial-values'
import { ModelError, shownPath, type ModelPath } from './model-error'
import { sameLayout, type Layout } from './tensor-layout'

/** A layer of a type from elsewhere, which `defineModel` is handed. */
export interface ForeignLayer {
  // `string & {}` keeps the names of the known types among what an editor offers
  readonly type: string & {}
  readonly [option: string]: unknown
}

/** One layer, in PyTorch's terms: its type and the options of that. */
export type Layer = KnownLayer | ForeignLayer

/** A model as plain JSON: the shape of one image and the layers it goes through. The last one gives the logits. */
export interface ModelDefinition {
  readonly name: string
  readonly input: readonly [height: number, width: number, channels: number]
  readonly layers: readonly Layer[]
}

/** An array that a model keeps: an entry of its state dict. */
export interface Parameter {
  /** As PyTorch calls it: 'conv1.weight'. */
  readonly name: string
  /** Within its layer: 'weight'. */
  readonly short: string
  /** In PyTorch's layout. */
  readonly shape: readonly number[]
  readonly initial: Initial
  readonly layout: Layout
  /** Its type in files, where that is not float32. */
  readonly dtype?: 'int64'
}

/** What one layer computes of its input, with what {@link defineModel} found out about it. */
export interface ShapedLayer {
  /** As the definition has it. */
  readonly layer: Layer
  readonly type: LayerType
  /** All of them, the defaults filled in. */
  readonly options: Readonly<Record<string, unknown>>
  /** Of a layer that keeps arrays. */
  readonly name: string | undefined
  readonly input: ActivationShape
  readonly output: ActivationShape
  /** [height, width, channels] of the image that was flattened on the way here, whose order its features are still in. */
  readonly flattened: readonly [number, number, number] | undefined
  /** What is trained: weight, then bias; empty for a layer without any */
  readonly parameters: readonly Parameter[]
  /** What is kept but not trained. */
  readonly buffers: readonly Parameter[]
  /** All of it, in the order of the state dict: of a layer with lists of layers within, theirs one after the other. */
  readonly entries: readonly Parameter[]
  /** The lists of layers within it, by name; their arrays are among its own. */
  readonly parts: Readonly<Record<string, readonly ShapedLayer[]>>
}

/** A definition that fits together. */
export interface Model {
  readonly name: string
  readonly definition: ModelDefinition
  readonly layers: readonly ShapedLayer[]
  /** What is trained, in the order of the layers. */
  readonly parameters: readonly Parameter[]
  /** What is kept but not trained, in the order of the layers. */
  readonly buffers: readonly Parameter[]
  /** Both, in the order of the state dict: layer by layer, each's parameters before its buffers. */
  readonly entries: readonly Parameter[]
  /** Trainable values in all. */
  readonly parameterCount: number
  /** The length of the logits. */
  readonly classes: number
  /** The images that a batch must have at least in training, and which layer asks for it. */
  readonly leastBatch: { readonly images: number; readonly layer: string }
}

/** What a definition may be made of beside the known layers. */
export interface ModelExtensions {
  /** More types of layer, from {@link defineLayer}. */
  readonly layers?: readonly LayerType[]
}

/**
 * Checks a definition and finds every shape.
 *
 * @throws ModelError, its `path` set, if a value is of the wrong form, unknown or out of range, a name is used twice or
 * missing, a layer does not take what the one before it makes (with both shapes), or the model does not end in a flat row of
 * logits
 */
export const defineModel = (definition: ModelDefinition, extensions: ModelExtensions = {}): Model => {
  const { name, input, layers } = checkForm(definition)
  const types = allTypes(extensions.layers ?? [])
  const building: Building = { model: name, types, used: new Map(), leastBatch: { images: 1, layer: '' } }
  const { shaped, shape } = shapeLayers(building, layers, ['layers'], input, undefined)
  const last: ModelPath = ['layers', layers.length - 1]
  if (shape.length !== 1)
    throw new ModelError(
      `the model "${name}" must end in a flat row of logits, it ends in [${shape.join(', ')}]: add a flatten and a dense layer`,
      { path: last },
    )
  const parameters = shaped.flatMap((layer) => layer.parameters)
  const parameterCount = parameters.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0)
  if (parameterCount === 0)
    throw new ModelError(`the model "${name}" has nothing to train: add a dense layer`, { path: last })
  if (!Number.isSafeInteger(parameterCount))
    throw new ModelError(`the model "${name}" has more than 2^53 parameters: make its layers smaller`, {
      path: ['layers'],
    })
  return {
    ...{
      name,
      definition,
      layers: shaped,
      parameters,
      parameterCount,
      leastBatch: building.leastBatch,
      classes: shape[0] ?? 0,
    },
    buffers: shaped.flatMap((layer) => layer.buffers),
    entries: shaped.flatMap((layer) => layer.entries),
  }
}

/** What is known of a model while its layers are looked at. */
interface Building {
  readonly model: string
  readonly types: readonly LayerType[]
  /** Where each name is used. */
  readonly used: Map<string, string>
  leastBatch: Model['leastBatch']
}

/** Lists of layers within each other: more than any net has. */
const deepest = 16

/** Checks a list of layers, the model's or one within a layer, and finds what each is given and makes. */
const shapeLayers = (
  building: Building,
  layers: readonly unknown[],
  list: ModelPath,
  input: ActivationShape,
  before: ShapedLayer['flattened'],
): { shaped: ShapedLayer[]; shape: ActivationShape } => {
  const { model, types, used } = building
  let shape = input
  let flattened = before
  const shaped = Array.from(layers, (layer, position): ShapedLayer => {
    const path: ModelPath = [...list, position]
    const shown = shownPath(path)
    const { type, options } = checkLayer(layer, path, model, types)
    const own = typeof options['name'] === 'string' ? options['name'] : undefined
    const where = `${shown} of the model "${model}" (${own === undefined ? type.type : `${type.type} "${own}"`})`
    const refuse = (sentence: string, option?: string): never => {
      throw new ModelError(`${where} ${sentence}`, { path: option === undefined ? path : [...path, option] })
    }
    if (own !== undefined) {
      const first = used.get(own)
      if (first !== undefined)
        refuse(`has the name "${own}", which ${first} has as well: give each layer its own`, 'name')
      used.set(own, shown)
    }
    const place: LayerPlace<typeof options> = { options, input: shape, flattened, refuse }
    if (path.length > 2 * deepest) refuse(`lies within ${deepest} others: take some apart`)
    const nested = Object.entries(type.parts?.(options) ?? {}).map(
      ([name, inner]) => [name, shapeLayers(building, inner, [...path, name], shape, flattened)] as const,
    )
    const made = Object.fromEntries(nested.map(([name, part]) => [name, part.shape]))
    const output = type.output(place, made)
    const images = type.leastBatch?.(place) ?? 1
    if (images > building.leastBatch.images) building.leastBatch = { images, layer: `its ${shown} (${type.type})` }
    const entriesOf = (specs: ArraySpecs = {}) =>
      Object.entries(specs).map(([short, { shape, initial, layout = sameLayout(shape), dtype }]): Parameter => ({
        ...{ name: `${own ?? ''}.${short}`, short, shape, initial, layout },
        ...(dtype && { dtype }),
      }))
    const within = nested.flatMap(([, part]) => part.shaped)
    // Within their layer they go by their full names.
    const inner = (entries: readonly Parameter[]) => entries.map((entry) => ({ ...entry, short: entry.name }))
    const parameters = entriesOf(type.weights?.(place))
    const buffers = entriesOf(type.buffers?.(place))
    const result = {
      ...{ layer: layer as Layer, type, options, name: own, input: shape, output, flattened },
      parameters: [...parameters, ...inner(within.flatMap((each) => each.parameters))],
      buffers: [...buffers, ...inner(within.flatMap((each) => each.buffers))],
      entries: [...parameters, ...buffers, ...inner(within.flatMap((each) => each.entries))],
      parts: Object.fromEntries(nested.map(([name, part]) => [name, part.shaped])),
    }
    if (type.reshapes && shape.length === 3 && output.length === 1) flattened = shape as [number, number, number]
    else if (type.mixes || output.join() !== shape.join()) flattened = undefined
    shape = output
    return result
  })
  return { shaped, shape }
}

/** Every layer of a model, those within others among them. */
export const allLayers = (layers: readonly ShapedLayer[]): readonly ShapedLayer[] =>
  layers.flatMap((layer) => [layer, ...Object.values(layer.parts).flatMap((part) => allLayers(part))])

/**
 * The types of a definition's layers that are not among `types`, each once: a run that somebody trained with layers of his own can be
 * read without them, and only what needs to compute its model can't be done.
 *
 * @param types this package's by default
 */
export const unknownLayerTypes = (
  { layers }: ModelDefinition,
  types: readonly LayerType[] = layerTypes,
): readonly string[] => {
  const known = new Map(types.map((type) => [type.type, type]))
  const within = (layers: readonly Layer[]): string[] =>
    layers.flatMap(({ type, ...options }) => {
      // Its defaults are not filled in: parts are options that were written.
      const parts = Object.values(known.get(type)?.parts?.(options) ?? {})
      return [type, ...parts.flatMap((part) => (Array.isArray(part) ? within(part as readonly Layer[]) : []))]
    })
  return [...new Set(within(layers))].filter((type) => !known.has(type))
}
