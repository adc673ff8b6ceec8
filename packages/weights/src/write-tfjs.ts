import { readTfjsLayout, type Layer, type Model, type ShapedLayer, type StateDict } from '@digitlab/models'
import { float32Bytes } from './element-types'
import { checkSizes } from './shape'

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
 * @throws ModelError where an entry is missing, extra or of another shape
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
  model.layers.forEach(({ layer }, position) => {
    if ('name' in layer)
      for (const [suffix, kerasName] of [
        ['weight', 'kernel'],
        ['bias', 'bias'],
      ]) {
        const { shape, data } = turned.get(`${layer.name}.${suffix}`) ?? { shape: [], data: [] } // checked by readTfjsLayout
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

/** One layer in Keras's terms: a convolution with padding is two of them. */
const kerasLayers = ({ layer }: ShapedLayer, position: number): object[] => {
  const name = nameOf(layer, position)
  const linear = { activation: 'linear', use_bias: true }
  switch (layer.type) {
    case 'conv2d': {
      const { out, kernel, stride = 1, padding = 0 } = layer
      const config = { name, filters: out, kernel_size: [kernel, kernel], strides: [stride, stride], padding: 'valid' }
      const convolution = { class_name: 'Conv2D', config: { ...config, ...linear, data_format: 'channels_last' } }
      if (padding === 0) return [convolution]
      const sides = [
        [padding, padding],
        [padding, padding],
      ]
      const padded = { name: `padding-${position}`, padding: sides, data_format: 'channels_last' }
      return [{ class_name: 'ZeroPadding2D', config: padded }, convolution]
    }
    case 'dense':
      return [{ class_name: 'Dense', config: { name, units: layer.out, ...linear } }]
    case 'relu':
      return [{ class_name: 'Activation', config: { name, activation: 'relu' } }]
    case 'maxPool2d': {
      const size = [layer.size, layer.size]
      const config = { name, pool_size: size, strides: size, padding: 'valid', data_format: 'channels_last' }
      return [{ class_name: 'MaxPooling2D', config }]
    }
    case 'flatten':
      return [{ class_name: 'Flatten', config: { name } }]
  }
}

/**
 * A layer of a definition has no hyphen in its name: no two are called the same. TensorFlow.js takes no name that begins with
 * an underscore.
 */
const nameOf = (layer: Layer, position: number): string =>
  'name' in layer && !layer.name.startsWith('_') ? layer.name : `${layer.type}-${position}`

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
