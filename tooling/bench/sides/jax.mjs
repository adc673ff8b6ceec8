// @ts-check
// jax-js on its wasm device: a jitted step, all of its threads.
import { defaultDevice, init, jit, lax, nn, numpy as np, valueAndGrad } from '@jax-js/jax'
import { pixels, prepare, serve } from './in-steps.mjs'
import { task } from './protocol.mjs'

await init('wasm')
defaultDevice('wasm')
const side = await prepare()
const { train, weights } = side
/** @typedef {Record<string, np.Array>} Params */

/** @type {Params} */
let params = Object.fromEntries(
  [...weights].map(([name, { shape, data }]) => [name, np.array(data.slice()).reshape([...shape])]),
)
/** @type {(p: Params, name: string) => np.Array} */
const of = (p, name) => /** @type {np.Array} */ (p[name])
/** @type {(p: Params, x: np.Array, name: string) => np.Array} */
const dense = (p, x, name) => np.dot(x, np.transpose(of(p, `${name}.weight`))).add(of(p, `${name}.bias`))
/** @type {(p: Params, x: np.Array, name: string) => np.Array} */
const block = (p, x, name) => {
  const y = lax
    .conv(
      x,
      of(p, `${name}.weight`),
      [1, 1],
      [
        [1, 1],
        [1, 1],
      ],
    )
    .add(of(p, `${name}.bias`).reshape([1, -1, 1, 1]))
  const [batch = 0, channels = 0, height = 0, width = 0] = y.shape
  // The same maximum by a reshape, whose gradient it has.
  return np.max(nn.relu(y).reshape([batch, channels, height / 2, 2, width / 2, 2]), [3, 5])
}
/** @type {(p: Params, x: np.Array) => np.Array} */
const logits = {
  linear: (/** @type {Params} */ p, /** @type {np.Array} */ x) => dense(p, x, 'fc'),
  'two-layer': (/** @type {Params} */ p, /** @type {np.Array} */ x) => dense(p, nn.relu(dense(p, x, 'fc1')), 'fc2'),
  cnn: (/** @type {Params} */ p, /** @type {np.Array} */ x) => {
    const image = x.reshape([x.shape[0] ?? 0, 1, 28, 28])
    const first = block(p, image, 'conv1')
    const second = block(p, first, 'conv2')
    return dense(p, second.reshape([second.shape[0] ?? 0, 1568]), 'fc')
  },
}[task.model]
/** @type {(p: Params, x: np.Array, y: np.Array) => np.Array} */
const loss = (p, x, y) => {
  const batch = x.shape[0] ?? 0
  return np.negative(np.sum(nn.logSoftmax(logits(p, x)).mul(y))).div(batch)
}
const step = jit((/** @type {Params} */ p, /** @type {np.Array} */ x, /** @type {np.Array} */ y) => {
  const refs = Object.fromEntries(Object.entries(p).map(([name, value]) => [name, value.ref]))
  const [value, gradient] = valueAndGrad(loss)(refs, x, y)
  const next = Object.fromEntries(
    Object.entries(p).map(([name, held]) => [name, held.sub(of(gradient, name).mul(0.1))]),
  )
  return [value, next]
})

await serve(side, async (indices) => {
  const x = new Float32Array(indices.length * pixels)
  const y = new Float32Array(indices.length * 10)
  indices.forEach((image, i) => {
    for (let p = 0; p < pixels; p++) x[i * pixels + p] = (train.images[image * pixels + p] ?? 0) / 255
    y[i * 10 + (train.labels[image] ?? 0)] = 1
  })
  const [value, next] = step(
    params,
    np.array(x).reshape([indices.length, pixels]),
    np.array(y).reshape([indices.length, 10]),
  )
  params = /** @type {Params} */ (next)
  return Number((await /** @type {np.Array} */ (value).data())[0])
})
