import { outputSize } from '@digitlab/ops'
import { checkForm, checkLayer } from './check-form'
import { ModelError } from './model-error'

/** One layer, in PyTorch's terms. `in` may be given; it is then checked against what the layer before it makes. */
export type Layer =
  | {
      readonly type: 'conv2d'
      /** as a module's path in PyTorch: 'conv1', 'features.0' */
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
 * @throws ModelError where a value is of the wrong form, unknown or out of range (with its path), a name is used twice or
 * missing, a layer does not take what the one before it makes (with both shapes), or the model does not end in a flat row of
 * logits
 */
export const defineModel = (definition: ModelDefinition): Model => {
  const { name, input, layers } = checkForm(definition)
  const used = new Map<string, number>()
  let shape: ActivationShape = input
  let flattened: readonly [number, number, number] | undefined
  const shaped = Array.from(layers, (layer, position): ShapedLayer => {
    const path = `layers[${position}]`
    checkLayer(layer, path, name)
    const where = `${path} of the model "${name}" (${'name' in layer ? `${layer.type} "${layer.name}"` : layer.type})`
    if ('name' in layer) {
      const first = used.get(layer.name)
      if (first !== undefined)
        throw new ModelError(
          `${where}: the name "${layer.name}" is used twice, by layers[${first}] as well: give each layer its own`,
        )
      used.set(layer.name, position)
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
  if (!Number.isSafeInteger(parameterCount))
    throw new ModelError(`the model "${name}" has more than 2^53 parameters: make its layers smaller`)
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
