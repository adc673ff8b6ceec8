import { readTfjsLayout, type KerasLayer, type Model, type ShapedLayer, type StateDict } from '@digitlab/models'
import { float32Bytes } from './element-types'
import { checkSizes } from './shape'
import { WeightsError } from './weights-error'

/** Browsers keep files up to this size in their caches; TensorFlow.js's own converter cuts there as well. */
const shardBytes = 4 * 2 ** 20

/**
 * Writes a model with its weights as TensorFlow.js's layers format: `model.json` and shards of at most 4 MiB, by file name.
 * `tf.loadLayersModel` runs it: images [N, height, width, channels] in [0, 1] in, logits [N, classes] out. The same input
 * gives the same bytes.
 *
 * Weights are turned into TensorFlow.js's layout: filters [height, width, in, out], dense weights [in, out] with rows in the
 * order height, width, channel.
 *
 * @param metadata kept as userDefinedMetadata
 * @throws ModelError where an entry is missing, extra or of another shape; WeightsError for a type of layer that it does not get
 */
export const writeTfjs = (
  model: Model,
  weights: StateDict,
  metadata: Readonly<Record<string, string>> = {},
): Map<string, Uint8Array> => {
  checkSizes(weights)
  const turned = readTfjsLayout(model, weights)
  const specs: { name: string; shape: readonly number[]; dtype: 'float32' }[] = []
  const parts: Uint8Array[] = []
  model.layers.forEach((layer, position) => {
    for (const { name, short } of [...layer.parameters, ...layer.buffers]) {
      const kerasName = layer.type.keras?.arrays?.[short]
      if (kerasName === undefined) continue // nothing that Keras keeps
      const { shape, data } = turned.get(name) ?? { shape: [], data: [] } // checked by readTfjsLayout
      specs.push({ name: `${nameOf(layer, position + 1)}/${kerasName}`, shape, dtype: 'float32' })
      parts.push(float32Bytes(Float32Array.from(data)))
    }
  })
  const shards = cut(parts)
  const paths = shards.map((_, i) => `group1-shard${i + 1}of${shards.length}.bin`)
  const layers = model.layers.flatMap((layer, position) => kerasLayers(layer, position + 1))
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
      model_config: { class_name: 'Sequential', config: { name: model.name, layers: [inputLayer, ...layers] } },
    },
    weightsManifest: [{ paths, weights: specs }],
  }
  const json = new TextEncoder().encode(`${JSON.stringify(document, null, 1)}\n`)
  return new Map([['model.json', json], ...paths.map((path, i) => [path, shards[i] as Uint8Array] as const)])
}

/** One layer in Keras's terms, which may be several there. */
const kerasLayers = (layer: ShapedLayer, position: number): readonly KerasLayer[] => {
  const { type, options } = layer
  const layers = type.keras?.write(options, {
    own: nameOf(layer, position),
    other: (what) => `${what}-${position}`,
  })
  if (layers) return layers
  throw new WeightsError(`layers of type ${type.type} can't be written for TensorFlow.js: choose another format`)
}

/**
 * A layer of a definition has no hyphen in its name: no two are called the same. TensorFlow.js takes no name that begins with
 * an underscore.
 */
const nameOf = ({ name, type }: ShapedLayer, position: number): string =>
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
