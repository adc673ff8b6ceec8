// Stock tfjs: its layers' operations, its gradients, its optimizer, the images resident as one tensor. Bundled by
// bench.mjs, as plain Node can't import the file of tfjs-core that registers the gradients.
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
const variable = (name) => {
  const { shape, data } = weights.get(name)
  return tf.tidy(() => {
    const t = tf.tensor(data, shape)
    if (shape.length === 4) return tf.variable(tf.transpose(t, [2, 3, 1, 0]))
    if (task.model === 'cnn' && name === 'fc.weight')
      return tf.variable(tf.reshape(tf.transpose(tf.reshape(t, [10, 32, 7, 7]), [2, 3, 1, 0]), [1568, 10]))
    return tf.variable(shape.length === 2 ? tf.transpose(t) : t)
  })
}
const w = Object.fromEntries([...weights.keys()].map((name) => [name, variable(name)]))
const dense = (x, name) => tf.add(tf.matMul(x, w[`${name}.weight`]), w[`${name}.bias`])
const block = (x, name) =>
  tf.maxPool(tf.relu(tf.add(tf.conv2d(x, w[`${name}.weight`], 1, 'same'), w[`${name}.bias`])), 2, 2, 'valid')
const logits = {
  linear: (x) => dense(tf.reshape(x, [-1, 784]), 'fc'),
  'two-layer': (x) => dense(tf.relu(dense(tf.reshape(x, [-1, 784]), 'fc1')), 'fc2'),
  cnn: (x) => dense(tf.reshape(block(block(x, 'conv1'), 'conv2'), [-1, 1568]), 'fc'),
}[task.model]
const optimizer = tf.train.sgd(0.1)

await serve(side, (indices) => {
  const loss = tf.tidy(() => {
    const at = tf.tensor1d(indices, 'int32')
    const x = tf.gather(images, at)
    const y = tf.cast(tf.oneHot(tf.gather(labels, at), 10), 'float32')
    return optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, logits(x)), true)
  })
  const [value] = loss.dataSync()
  loss.dispose()
  return value
})
