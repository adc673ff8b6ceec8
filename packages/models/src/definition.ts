import { outputSize } from '@digitlab/ops'

/** A model that can't be: shapes that don't fit, names used twice, an option that is none. */
export class ModelError extends Error {
  readonly mendable = true
  override name = 'ModelError'
}

/** One layer, in PyTorch's terms. `in` may be given; it is then checked against what the layer before it makes. */
export type Layer =
  | {
      readonly type: 'conv2d'
      readonly name: string
      readonly in?: number
      readonly out: number
      readonly kernel: number
      /** 1 unless given */
      readonly stride?: number
      /** zeros on each side, 0 unless given */
      readonly padding?: number
    }
  | { readonly type: 'dense'; readonly name: string; readonly in?: number; readonly out: number }
  | { readonly type: 'relu' }
  | { readonly type: 'maxPool2d'; readonly size: number }
  | { readonly type: 'flatten' }

/** A model as plain JSON: the shape of one image and the layers it goes through. The last one gives the logits. */
export interface ModelDefinition {
  readonly name: string
  readonly input: readonly [height: number, width: number, channels: number]
  readonly layers: readonly Layer[]
}

/** [height, width, channels], or [features] once flattened. */
export type ActivationShape = readonly number[]

/** A trainable array of a layer, in PyTorch's name and layout. */
export interface Parameter {
  readonly name: string
  readonly shape: readonly number[]
  /** How many inputs each output sums over: decides the range of the initial values. */
  readonly fanIn: number
}

/** What one layer computes of its input, with what {@link defineModel} found out about it. */
export interface ShapedLayer {
  readonly layer: Layer
  readonly input: ActivationShape
  readonly output: ActivationShape
  /** [height, width, channels] of what was flattened on the way to a dense layer: decides the order of its rows. */
  readonly flattened: readonly [number, number, number] | undefined
  /** weight, then bias; empty for a layer without any */
  readonly parameters: readonly Parameter[]
}

/** A definition that fits together. */
export interface Model {
  readonly name: string
  readonly definition: ModelDefinition
  readonly layers: readonly ShapedLayer[]
  /** In the order of the state dict, which is that of the layers. */
  readonly parameters: readonly Parameter[]
  /** Trainable values in all. */
  readonly parameterCount: number
  /** The length of the logits. */
  readonly classes: number
}

/**
 * Checks a definition and finds every shape.
 *
 * @throws ModelError where a layer does not take what the one before it makes (with both shapes), a name is used twice
 * or missing, an option is unknown or out of range, or the model does not end in a flat row of logits
 */
export const defineModel = (definition: ModelDefinition): Model => {
  const { name, input, layers } = checkForm(definition)
  const used = new Set<string>()
  let shape: ActivationShape = input
  let flattened: readonly [number, number, number] | undefined
  const shaped = layers.map((layer, position): ShapedLayer => {
    const where = `layer ${position + 1} of the model "${name}" (${'name' in layer ? `${layer.type} "${layer.name}"` : layer.type})`
    checkLayer(layer, where)
    if ('name' in layer) {
      if (used.has(layer.name))
        throw new ModelError(`${where}: the name "${layer.name}" is used twice, give each layer its own`)
      used.add(layer.name)
    }
    const from = shape
    if (layer.type === 'flatten' && from.length === 3) flattened = from as [number, number, number]
    shape = outputShape(layer, from, where)
    const result = { layer, input: from, output: shape, flattened: layer.type === 'dense' ? flattened : undefined }
    if (layer.type === 'dense') flattened = undefined
    return { ...result, parameters: layerParameters(layer, from) }
  })
  if (shape.length !== 1)
    throw new ModelError(
      `the model "${name}" must end in a flat row of logits, it ends in [${shape.join(', ')}]: add a flatten and a dense layer`,
    )
  const parameters = shaped.flatMap((layer) => layer.parameters)
  const parameterCount = parameters.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0)
  if (parameterCount === 0) throw new ModelError(`the model "${name}" has nothing to train: add a dense layer`)
  return { name, definition, layers: shaped, parameters, parameterCount, classes: shape[0] ?? 0 }
}

const outputShape = (layer: Layer, from: ActivationShape, where: string): ActivationShape => {
  const [height = 0, width = 0, channels = 0] = from
  const shown = `[${from.join(', ')}]`
  const needImage = () => {
    if (from.length !== 3)
      throw new ModelError(`${where} takes [height, width, channels], the layer before it makes ${shown}`)
  }
  switch (layer.type) {
    case 'relu':
      return from
    case 'flatten':
      return [from.reduce((product, size) => product * size, 1)]
    case 'dense':
      if (from.length !== 1)
        throw new ModelError(
          `${where} takes a flat row, the layer before it makes ${shown}: put a flatten layer between`,
        )
      if (layer.in !== undefined && layer.in !== height)
        throw new ModelError(`${where} is to take [${layer.in}], the layer before it makes ${shown}`)
      return [layer.out]
    case 'conv2d': {
      needImage()
      if (layer.in !== undefined && layer.in !== channels)
        throw new ModelError(`${where} is to take ${layer.in} channels, the layer before it makes ${shown}`)
      const { kernel, stride = 1, padding = 0 } = layer
      const out = [outputSize(height, kernel, stride, padding), outputSize(width, kernel, stride, padding)]
      if (out.some((size) => size < 1))
        throw new ModelError(`${where} has a kernel of [${kernel}, ${kernel}], the layer before it makes only ${shown}`)
      return [...out, layer.out]
    }
    case 'maxPool2d': {
      needImage()
      const { size } = layer
      if (height < size || width < size)
        throw new ModelError(`${where} has windows of [${size}, ${size}], the layer before it makes only ${shown}`)
      return [Math.floor(height / size), Math.floor(width / size), channels]
    }
  }
}

const layerParameters = (layer: Layer, from: ActivationShape): Parameter[] => {
  if (layer.type !== 'dense' && layer.type !== 'conv2d') return []
  const inputs = from[from.length - 1] ?? 0
  const shape = layer.type === 'dense' ? [layer.out, inputs] : [layer.out, inputs, layer.kernel, layer.kernel]
  const fanIn = shape.slice(1).reduce((product, size) => product * size, 1)
  return [
    { name: `${layer.name}.weight`, shape, fanIn },
    { name: `${layer.name}.bias`, shape: [layer.out], fanIn },
  ]
}

/** Options of each layer: the smallest value an integer one may have. */
const options: Record<Layer['type'], Record<string, number | 'name'>> = {
  conv2d: { name: 'name', in: 1, out: 1, kernel: 1, stride: 1, padding: 0 },
  dense: { name: 'name', in: 1, out: 1 },
  relu: {},
  maxPool2d: { size: 1 },
  flatten: {},
}
const required: Partial<Record<Layer['type'], string[]>> = {
  conv2d: ['name', 'out', 'kernel'],
  dense: ['name', 'out'],
  maxPool2d: ['size'],
}

/** A definition may come from a user's JSON: its form is checked as well as its shapes. */
const checkForm = (definition: ModelDefinition): ModelDefinition => {
  const { name, input, layers }: { name?: unknown; input?: unknown; layers?: unknown } = definition
  if (typeof name !== 'string' || !/^[\w-]{1,64}$/.test(name))
    throw new ModelError(`a model's name is of letters, digits, - and _, not ${JSON.stringify(name)}`)
  if (!Array.isArray(input) || input.length !== 3 || !input.every((size) => isSize(size, 1)))
    throw new ModelError(`the input of the model "${name}" is [height, width, channels], not ${JSON.stringify(input)}`)
  if (!Array.isArray(layers) || layers.length === 0)
    throw new ModelError(`the model "${name}" has no list of layers: ${JSON.stringify(layers)}`)
  return definition
}

const checkLayer = (layer: Layer, where: string): void => {
  const known = Object.hasOwn(options, layer.type) ? options[layer.type] : undefined
  if (!known) {
    const types = Object.keys(options).join(', ')
    throw new ModelError(`${where}: there is no layer of type ${JSON.stringify(layer.type)}, choose one of ${types}`)
  }
  for (const [key, value] of Object.entries(layer)) {
    if (key === 'type') continue
    const least = Object.hasOwn(known, key) ? known[key] : undefined
    if (least === undefined)
      throw new ModelError(`${where}: there is no option "${key}", it takes ${Object.keys(known).join(', ') || 'none'}`)
    if (least === 'name' ? typeof value !== 'string' || !/^\w{1,64}$/.test(value) : !isSize(value, least))
      throw new ModelError(
        `${where}: ${key} must be ${least === 'name' ? 'of letters, digits and _' : `an integer from ${least} to ${largest}`}, not ${JSON.stringify(value)}`,
      )
  }
  for (const key of required[layer.type] ?? [])
    if (!Object.hasOwn(layer, key)) throw new ModelError(`${where}: ${key} is missing`)
}

const largest = 65_536
const isSize = (value: unknown, least: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= largest
