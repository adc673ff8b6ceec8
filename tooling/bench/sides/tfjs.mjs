// @ts-check
// Stock tfjs: its layers' operations, its gradients, its optimizer, the images resident as one tensor. Bundled by
// bench.ts, as plain Node can't import the file of tfjs-core that registers the gradients.
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js'
import '@tensorflow/tfjs-backend-cpu'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { prepare, serve } from './in-steps.mjs'
import { task } from './protocol.mjs'

if (task.wasmFolder) setWasmPaths(task.wasmFolder)
if (!(await tf.setBackend(task.backend)) || tf.getBackend() !== task.backend) throw new Error('tfjs did not start')

const side = await prepare()
const { train, weights } = side
const images = tf.tidy(() => tf.div(tf.tensor(Float32Array.from(train.images), [train.count, 28, 28, 1]), 255))
const labels = tf.tensor1d(Int32Array.from(train.labels), 'int32')

/** PyTorch's layout to tfjs's. */
const variable = (/** @type {string} */ name) => {
  const { shape, data } = /** @type {import('@digitlab/models').StateEntry} */ (weights.get(name))
  return tf.tidy(() => {
    const t = tf.tensor(data, [...shape])
    if (shape.length === 4) return tf.variable(tf.transpose(t, [2, 3, 1, 0]))
    if (task.model === 'cnn' && name === 'fc.weight')
      return tf.variable(tf.reshape(tf.transpose(tf.reshape(t, [10, 32, 7, 7]), [2, 3, 1, 0]), [1568, 10]))
    return tf.variable(shape.length === 2 ? tf.transpose(t) : t)
  })
}
const variables = new Map([...weights.keys()].map((name) => [name, variable(name)]))
const w = (/** @type {string} */ name) => /** @type {tf.Variable} */ (variables.get(name))
/** @type {(x: tf.Tensor, name: string) => tf.Tensor} */
const dense = (x, name) => tf.add(tf.matMul(x, w(`${name}.weight`)), w(`${name}.bias`))
/** @type {(x: tf.Tensor4D, name: string) => tf.Tensor4D} */
const block = (x, name) => {
  const filter = /** @type {tf.Tensor4D} */ (w(`${name}.weight`))
  const y = tf.relu(tf.add(tf.conv2d(x, filter, 1, 'same'), w(`${name}.bias`)))
  return tf.maxPool(/** @type {tf.Tensor4D} */ (y), 2, 2, 'valid')
}
/** @type {(x: tf.Tensor4D) => tf.Tensor} */
const logits = {
  linear: (/** @type {tf.Tensor4D} */ x) => dense(tf.reshape(x, [-1, 784]), 'fc'),
  'two-layer': (/** @type {tf.Tensor4D} */ x) => dense(tf.relu(dense(tf.reshape(x, [-1, 784]), 'fc1')), 'fc2'),
  cnn: (/** @type {tf.Tensor4D} */ x) => dense(tf.reshape(block(block(x, 'conv1'), 'conv2'), [-1, 1568]), 'fc'),
}[task.model]
const optimizer = tf.train.sgd(0.1)

await serve(side, (indices) => {
  const loss = tf.tidy(() => {
    const at = tf.tensor1d(indices, 'int32')
    const x = /** @type {tf.Tensor4D} */ (tf.gather(images, at))
    const y = tf.cast(tf.oneHot(tf.gather(labels, at), 10), 'float32')
    const step = () => /** @type {tf.Scalar} */ (tf.losses.softmaxCrossEntropy(y, logits(x)))
    return /** @type {tf.Scalar} */ (optimizer.minimize(step, true))
  })
  const [value = NaN] = loss.dataSync()
  loss.dispose()
  return value
})
