// @ts-check
// A plain tfjs program with a convolution: tfjs's WebAssembly backend can't train it, and can with @digitlab/backend-wasm.
import * as tf from '@tensorflow/tfjs'
import '@tensorflow/tfjs-backend-wasm'
import { registerWasmKernels, takenPaths } from '@digitlab/backend-wasm'

/**
 * Bars, upright or lying: [64, 12, 12, 1] and one of two classes each, [64, 2].
 *
 * @returns {[tf.Tensor4D, tf.Tensor]}
 */
const bars = () => {
  const pixels = new Float32Array(64 * 144)
  const classes = new Int32Array(64)
  for (let i = 0; i < 64; i++) {
    classes[i] = i % 2
    for (let j = 0; j < 12; j++) pixels[i * 144 + (i % 2 ? j * 12 + (i % 12) : (i % 12) * 12 + j)] = 1
  }
  return [tf.tensor4d(pixels, [64, 12, 12, 1]), tf.oneHot(tf.tensor1d(classes, 'int32'), 2)]
}

const train = async () => {
  const initializer = (/** @type {number} */ seed) => tf.initializers.glorotUniform({ seed })
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [12, 12, 1],
        filters: 4,
        kernelSize: 3,
        activation: 'relu',
        kernelInitializer: initializer(1),
      }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 2, activation: 'softmax', kernelInitializer: initializer(2) }),
    ],
  })
  model.compile({ optimizer: tf.train.sgd(0.2), loss: 'categoricalCrossentropy' })
  const [images, labels] = bars()
  const { history } = await model.fit(images, labels, { epochs: 40, batchSize: 32, shuffle: false, verbose: 0 })
  return history['loss'] ?? []
}

if (!(await tf.setBackend('wasm'))) throw new Error("tfjs's wasm backend did not start")
const stock = await train().then(
  () => 'trained',
  (/** @type {Error} */ error) => error.message,
)
await registerWasmKernels()
const losses = await train()
const loss = [losses[0], losses.at(-1)]
console.log(JSON.stringify({ backend: tf.getBackend(), stock, loss, paths: takenPaths() }))
