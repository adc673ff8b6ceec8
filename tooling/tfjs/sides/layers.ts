// Trains a small net with each kind of layer that tfjs-layers has, by tfjs's own autograd, on stock backends and on ours.
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js'
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import { registerCpuKernels } from '@digitlab/backend-cpu'
import { registerWasmKernels } from '@digitlab/backend-wasm'
import '@tensorflow/tfjs-backend-cpu'
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'

declare const wasmFolder: string

/** Where a kind of layer trains, and what stops it elsewhere. */
export interface Trained {
  readonly kind: string
  /** By side: '' where it trains, else what went wrong. */
  readonly on: Readonly<Record<string, string>>
}

type Layer = (x: tfl.SymbolicTensor) => tfl.SymbolicTensor | tfl.SymbolicTensor[]
const one =
  (layer: () => tfl.layers.Layer): Layer =>
  (x) =>
    layer().apply(x) as tfl.SymbolicTensor

/** Shapes of an input, without the batch. */
const [vector, sequence, image, volume, film] = [[6], [6, 4], [8, 8, 3], [4, 4, 4, 2], [3, 6, 6, 2]]
const initial = (seed: number) => tfl.initializers.glorotUniform({ seed })
const filters = { filters: 4, kernelSize: 3, kernelInitializer: initial(1) }
const spread = { depthwiseInitializer: initial(1), pointwiseInitializer: initial(2) }
const units = { units: 4, kernelInitializer: initial(1), recurrentInitializer: initial(2) }

/** tfjs-layers' kinds, each with the shape of what it is given. */
const kinds: readonly (readonly [kind: string, input: readonly number[], layer: Layer])[] = [
  ['Dense', vector, one(() => tfl.layers.dense({ units: 4, kernelInitializer: initial(1) }))],
  [
    'Embedding',
    [5],
    one(() => tfl.layers.embedding({ inputDim: 10, outputDim: 4, embeddingsInitializer: initial(1) })),
  ],
  ['Conv1D', sequence, one(() => tfl.layers.conv1d(filters))],
  ['Conv2D', image, one(() => tfl.layers.conv2d(filters))],
  ['Conv2D, strides', image, one(() => tfl.layers.conv2d({ ...filters, strides: 2, padding: 'same' }))],
  ['Conv2D, dilation', image, one(() => tfl.layers.conv2d({ ...filters, dilationRate: 2 }))],
  ['Conv2DTranspose', image, one(() => tfl.layers.conv2dTranspose(filters))],
  ['SeparableConv2D', image, one(() => tfl.layers.separableConv2d({ filters: 4, kernelSize: 3, ...spread }))],
  ['DepthwiseConv2D', image, one(() => tfl.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, ...spread }))],
  ['Conv3D', volume, one(() => tfl.layers.conv3d(filters))],
  ['Conv3DTranspose', volume, one(() => tfl.layers.conv3dTranspose(filters))],
  ['MaxPooling1D', sequence, one(() => tfl.layers.maxPooling1d({ poolSize: 2 }))],
  ['MaxPooling2D', image, one(() => tfl.layers.maxPooling2d({ poolSize: 2 }))],
  ['MaxPooling3D', volume, one(() => tfl.layers.maxPooling3d({ poolSize: 2 }))],
  ['AveragePooling1D', sequence, one(() => tfl.layers.averagePooling1d({ poolSize: 2 }))],
  ['AveragePooling2D', image, one(() => tfl.layers.averagePooling2d({ poolSize: 2 }))],
  ['AveragePooling3D', volume, one(() => tfl.layers.averagePooling3d({ poolSize: 2 }))],
  ['GlobalAveragePooling2D', image, one(() => tfl.layers.globalAveragePooling2d({}))],
  ['GlobalMaxPooling2D', image, one(() => tfl.layers.globalMaxPooling2d({}))],
  ['BatchNormalization', image, one(() => tfl.layers.batchNormalization())],
  ['LayerNormalization', vector, one(() => tfl.layers.layerNormalization())],
  ['Dropout', vector, one(() => tfl.layers.dropout({ rate: 0.2, seed: 3 }))],
  ['GaussianNoise', vector, one(() => tfl.layers.gaussianNoise({ stddev: 0.01 }))],
  ['SimpleRNN', sequence, one(() => tfl.layers.simpleRNN(units))],
  ['GRU', sequence, one(() => tfl.layers.gru(units))],
  ['LSTM', sequence, one(() => tfl.layers.lstm(units))],
  [
    'Bidirectional',
    sequence,
    one(() => tfl.layers.bidirectional({ layer: tfl.layers.lstm(units), mergeMode: 'concat' })),
  ],
  [
    'TimeDistributed',
    sequence,
    one(() => tfl.layers.timeDistributed({ layer: tfl.layers.dense({ units: 3, kernelInitializer: initial(1) }) })),
  ],
  ['ConvLSTM2D', film, one(() => tfl.layers.convLstm2d({ ...filters, filters: 2, recurrentInitializer: initial(2) }))],
  ['ELU', vector, one(() => tfl.layers.elu())],
  ['LeakyReLU', vector, one(() => tfl.layers.leakyReLU())],
  ['PReLU', vector, one(() => tfl.layers.prelu())],
  ['ReLU', vector, one(() => tfl.layers.reLU())],
  ['Softmax', vector, one(() => tfl.layers.softmax())],
  ['ThresholdedReLU', vector, one(() => tfl.layers.thresholdedReLU({ theta: 0.01 }))],
  ...(['elu', 'selu', 'relu6', 'sigmoid', 'hardSigmoid', 'softplus', 'softsign', 'tanh', 'swish', 'mish'] as const).map(
    (activation) => [`Activation, ${activation}`, vector, one(() => tfl.layers.activation({ activation }))] as const,
  ),
  ['Flatten', image, one(() => tfl.layers.flatten())],
  ['Permute', sequence, one(() => tfl.layers.permute({ dims: [2, 1] }))],
  ['RepeatVector', vector, one(() => tfl.layers.repeatVector({ n: 2 }))],
  ['Reshape', sequence, one(() => tfl.layers.reshape({ targetShape: [4, 6] }))],
  [
    'Cropping2D',
    image,
    one(() =>
      tfl.layers.cropping2D({
        cropping: [
          [1, 1],
          [1, 2],
        ],
      }),
    ),
  ],
  ['UpSampling2D', image, one(() => tfl.layers.upSampling2d({ size: [2, 2] }))],
  ['ZeroPadding2D', image, one(() => tfl.layers.zeroPadding2d({ padding: 1 }))],
  ...(['add', 'average', 'concatenate', 'maximum', 'minimum', 'multiply'] as const).map(
    (name) =>
      [
        name.charAt(0).toUpperCase() + name.slice(1),
        vector,
        (x: tfl.SymbolicTensor) => {
          const other = tfl.layers.dense({ units: 6, kernelInitializer: initial(5) }).apply(x) as tfl.SymbolicTensor
          return tfl.layers[name]().apply([x, other]) as tfl.SymbolicTensor
        },
      ] as const,
  ),
  ['Dot', vector, (x) => tfl.layers.dot({ axes: -1 }).apply([x, x]) as tfl.SymbolicTensor],
]

const [batch, steps] = [4, 8]

/** Fills memory of WebAssembly that is free with NaN: a kernel that reads what it has not written is found out. A new array of JavaScript is zero. */
const spoil = (): void => {
  if (tf.getBackend() !== 'wasm') return
  const spoiled = Array.from({ length: 250 }, (_, i) => tf.fill([16 * (i + 1)], NaN))
  tf.dispose(spoiled)
}

/** @returns '' where the loss falls, else what went wrong */
const train = async (shape: readonly number[], layer: Layer, ofIndices: boolean): Promise<string> => {
  tf.engine().startScope()
  try {
    const input = tfl.input({ shape: [...shape] })
    // Weights before the layer too: its gradient by its input is what a net needs of it.
    const before = ofIndices
      ? input
      : (tfl.layers
          .dense({ units: shape.at(-1) ?? 1, kernelInitializer: initial(7) })
          .apply(input) as tfl.SymbolicTensor)
    const made = layer(before) as tfl.SymbolicTensor
    const flat = made.shape.length > 2 ? (tfl.layers.flatten().apply(made) as tfl.SymbolicTensor) : made
    const output = tfl.layers.dense({ units: 2, kernelInitializer: initial(9) }).apply(flat) as tfl.SymbolicTensor
    const model = tfl.model({ inputs: input, outputs: output })
    model.compile({ optimizer: tf.train.adam(0.01), loss: 'meanSquaredError' })
    const x = ofIndices
      ? tf.floor(tf.randomUniform([batch, ...shape], 0, 10, 'float32', 11))
      : tf.randomUniform([batch, ...shape], -1, 1, 'float32', 11)
    const y = tf.randomUniform([batch, 2], -1, 1, 'float32', 13)
    const losses: number[] = []
    for (let step = 0; step < steps; step++) {
      if (step % 2 === 0) spoil()
      losses.push((await model.trainOnBatch(x, y)) as number)
    }
    const [first = NaN, last = NaN] = [losses[0], losses.at(-1)]
    return last < 0.95 * first ? '' : `the loss goes from ${first.toFixed(3)} to ${last.toFixed(3)}`
  } catch (error) {
    return (error as Error).message.split('\n', 1)[0] ?? ''
  } finally {
    tf.engine().endScope()
    tf.disposeVariables()
  }
}

/** Tries every kind on every side. */
export const tryLayers = async (): Promise<Trained[]> => {
  const sides: readonly (readonly [side: string, start: () => Promise<unknown>])[] = [
    ['cpu, stock', () => tf.setBackend('cpu')],
    ['cpu, ours', async () => registerCpuKernels()],
    [
      'wasm, stock',
      () => {
        setWasmPaths(wasmFolder)
        setThreadsCount(1)
        return tf.setBackend('wasm')
      },
    ],
    ['wasm, ours', () => registerWasmKernels()],
  ]
  const found = new Map<string, Record<string, string>>(kinds.map(([kind]) => [kind, {}]))
  for (const [side, start] of sides) {
    await start()
    for (const [kind, shape, layer] of kinds) {
      const said = await train(shape, layer, kind === 'Embedding')
      const on = found.get(kind)
      if (on) on[side] = said
    }
  }
  return [...found].map(([kind, on]) => ({ kind, on }))
}
