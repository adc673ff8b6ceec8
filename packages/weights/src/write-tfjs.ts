import { readTfjsLayout, type KerasLayer, type Model, type ShapedLayer, type StateDict } from '@digitlab/models'
import { float32Bytes } from './element-types'
import type { Normalization } from './normalization'
import { checkSizes } from './shape'
import { WeightsError } from './weights-error'
import type { MetadataOptions } from './write-safetensors'

/** Browsers keep files up to this size in their caches; TensorFlow.js's own converter cuts there as well. */
const shardBytes = 4 * 2 ** 20

/** What else goes into TensorFlow.js's files. */
export interface TfjsOptions extends MetadataOptions {
  /** Normalizes the images in a first layer, Keras's `Rescaling`: the model is fed as without it. */
  readonly normalize?: Normalization | undefined
}

/**
 * Writes a model with its weights as TensorFlow.js's layers format: `model.json` and shards of at most 4 MiB, by file name.
 * `tf.loadLayersModel` runs it: images [N, height, width, channels] in [0, 1] in, logits [N, classes] out. The same input
 * gives the same bytes.
 *
 * Weights are turned into TensorFlow.js's layout: filters [height, width, in, out], dense weights [in, out] with rows in the
 * order height, width, channel.
 *
 * @throws ModelError if an entry is missing, extra or of another shape; WeightsError for a type of layer that it does not get
 */
export const writeTfjs = (
  model: Model,
  weights: StateDict,
  { metadata = {}, normalize }: TfjsOptions = {},
): Map<string, Uint8Array> => {
  checkSizes(weights)
  const turned = readTfjsLayout(model, weights)
  // A name with a hyphen is no layer's of the definition.
  const rescaling = normalize && {
    class_name: 'Rescaling',
    config: { name: 'rescaling-0', scale: 1 / normalize.std, offset: -normalize.mean / normalize.std },
  }
  const placed = placeLayers(model.layers, rescaling?.config.name ?? 'images', '')
  const specs: { name: string; shape: readonly number[]; dtype: 'float32' }[] = []
  const parts: Uint8Array[] = []
  for (const { layer, own } of placed)
    for (const { name, short } of [...layer.parameters, ...layer.buffers]) {
      const kerasName = layer.type.keras?.arrays?.[short]
      if (kerasName === undefined) continue // nothing that Keras keeps
      const array = turned.get(name) ?? { shape: [], data: new Float64Array(0) } // checked by readTfjsLayout
      const { shape, data } = layer.type.keras?.array?.(short, array, layer) ?? array
      specs.push({ name: `${own}/${kerasName}`, shape, dtype: 'float32' })
      parts.push(float32Bytes(Float32Array.from(data)))
    }
  const shards = cut(parts)
  const paths = shards.map((_, i) => `group1-shard${i + 1}of${shards.length}.bin`)
  const inputLayer = {
    class_name: 'InputLayer',
    config: { batch_input_shape: [null, ...model.definition.input], dtype: 'float32', sparse: false, name: 'images' },
  }
  const document = {
    format: 'layers-model',
    generatedBy: 'digitlab',
    convertedBy: null,
    userDefinedMetadata: metadata,
    modelTopology: {
      keras_version: '2.0.0',
      backend: 'tensorflow',
      model_config: configOf(model.name, rescaling ? [inputLayer, rescaling] : [inputLayer], placed),
    },
    weightsManifest: [{ paths, weights: specs }],
  }
  const json = new TextEncoder().encode(`${JSON.stringify(document, null, 1)}\n`)
  return new Map([['model.json', json], ...paths.map((path, i) => [path, shards[i] as Uint8Array] as const)])
}

/** A layer of ours in Keras's terms, which may be several there. */
interface Placed {
  readonly layer: ShapedLayer
  /** The name of the one that keeps its arrays. */
  readonly own: string
  /** Each with the names of those that it takes from. */
  readonly made: readonly { readonly keras: KerasLayer; readonly from: readonly string[] }[]
  /** The name of the last of them. */
  readonly last: string
}

/** A list of layers, those of the lists within them before each. @param within what their positions are told apart by */
const placeLayers = (layers: readonly ShapedLayer[], from: string, within: string): Placed[] => {
  let x = from
  return layers.flatMap((layer, index): Placed[] => {
    const position = `${within}${index + 1}`
    const own = nameOf(layer, position)
    const inner = Object.entries(layer.parts).map(
      ([name, part]) => [name, placeLayers(part, x, `${position}-${name}-`)] as const,
    )
    const values = new Map([['x', x], ...inner.map(([name, part]) => [name, part.at(-1)?.last ?? x] as const)])
    let before = x
    const made = kerasLayers(layer, position, own).map(({ takes, ...keras }) => {
      const named = { keras, from: takes?.map((value) => values.get(value) ?? value) ?? [before] }
      before = String(keras.config['name'])
      return named
    })
    x = before
    return [...inner.flatMap(([, part]) => part), { layer, own, made, last: before }]
  })
}

/** What takes the images first, then one layer after the other where that is all there is, as a graph where layers are given what others made. */
const configOf = (name: string, heads: readonly KerasLayer[], placed: readonly Placed[]) => {
  const made = placed.flatMap((layer) => layer.made)
  const isRow = made.every(({ keras, from }, i) => {
    const before = i === 0 ? heads.at(-1) : made[i - 1]?.keras
    return keras.takes === undefined && from.join() === String(before?.config['name'])
  })
  if (isRow)
    return { class_name: 'Sequential', config: { name, layers: [...heads, ...made.map(({ keras }) => keras)] } }
  const node = (from: string) => [from, 0, 0, {}]
  const first = heads.map((keras, i) => ({
    keras,
    from: heads.slice(Math.max(0, i - 1), i).map(({ config }) => String(config['name'])),
  }))
  const layers = [...first, ...made].map(({ keras, from }) => ({
    ...{ name: keras.config['name'], ...keras },
    inbound_nodes: from.length === 0 ? [] : [from.map(node)],
  }))
  const ends = { input_layers: [['images', 0, 0]], output_layers: [[placed.at(-1)?.last, 0, 0]] }
  return { class_name: 'Functional', config: { name, layers, ...ends } }
}

const kerasLayers = (layer: ShapedLayer, position: string, own: string): readonly KerasLayer[] => {
  const { type, options } = layer
  const layers = type.keras?.write(options, { own, other: (what) => `${what}-${position}` }, layer)
  if (typeof layers === 'string')
    throw new WeightsError(
      `layer ${position} (${type.type}) can't be written for TensorFlow.js ${layers}: choose another format`,
    )
  if (layers) return layers
  throw new WeightsError(`layers of type ${type.type} can't be written for TensorFlow.js: choose another format`)
}

/**
 * A layer of a definition has no hyphen in its name: no two are called the same. TensorFlow.js takes no name that begins with
 * an underscore.
 */
const nameOf = ({ name, type }: ShapedLayer, position: string): string =>
  name === undefined || name.startsWith('_') ? `${type.type}-${position}` : name

/** All parts one after another, in pieces. */
const cut = (parts: readonly Uint8Array[]): Uint8Array[] => {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return Array.from({ length: Math.ceil(whole.length / shardBytes) }, (_, i) =>
    whole.slice(i * shardBytes, (i + 1) * shardBytes),
  )
}
