// @ts-check
// jax-js as its page of MNIST trains (jax-js.com/mnist): its MLP with batches of 1,000 and its ConvNet with batches of 250, Adam at
// 0.005, the images as one array that batches are sliced from. Here a step is jitted as a whole, which is faster than the page's own,
// and its optimizer, which no package has, is written out: Kingma and Ba, with the defaults of optax.
import { defaultDevice, init, jit, lax, nn, numpy as np, valueAndGrad } from '@jax-js/jax'
import { loadDataset } from '@digitlab/data/node'
import { initialWeights, resolveModel } from '@digitlab/models'
import { MersenneTwister } from '@digitlab/random'
import { serve } from './in-steps.mjs'
import { task } from './protocol.mjs'

/** @typedef {Record<string, np.Array>} Params */

await init('wasm')
defaultDevice('wasm')
const { train } = await loadDataset('mnist', { folder: task.data })
const generator = new MersenneTwister(0)
const weights = initialWeights(resolveModel(task.experiment.model), generator)
const images = np.array(Float32Array.from(train.images, (byte) => byte / 255)).reshape([train.count, 784])
const labels = np.array(Int32Array.from(train.labels), { dtype: np.int32 })

const of = (/** @type {Params} */ p, /** @type {string} */ name) => /** @type {np.Array} */ (p[name])
/** @type {(p: Params, x: np.Array, name: string) => np.Array} */
const dense = (p, x, name) => np.dot(x, np.transpose(of(p, `${name}.weight`))).add(of(p, `${name}.bias`))
/** @type {(p: Params, x: np.Array, name: string) => np.Array} */
const block = (p, x, name) => {
  const y = lax
    .convGeneralDilated(x, of(p, `${name}.weight`), [1, 1], 'VALID')
    .add(of(p, `${name}.bias`).reshape([1, -1, 1, 1]))
  return nn.relu(lax.reduceWindow(y, np.max, [2, 2], [2, 2]))
}
/** @type {(p: Params, x: np.Array) => np.Array} */
const predict = {
  mlp: (/** @type {Params} */ p, /** @type {np.Array} */ x) =>
    dense(p, nn.relu(dense(p, nn.relu(dense(p, x, 'fc1')), 'fc2')), 'fc3'),
  convnet: (/** @type {Params} */ p, /** @type {np.Array} */ x) => {
    const features = block(p, block(p, x.reshape([-1, 1, 28, 28]), 'conv1'), 'conv2')
    return dense(p, nn.relu(dense(p, features.reshape([-1, 800]), 'fc1')), 'fc2')
  },
}[/** @type {'mlp' | 'convnet'} */ (/** @type {string} */ (task.model))]
/** @type {(p: Params, x: np.Array, y: np.Array) => np.Array} */
const loss = (p, x, y) => {
  const batch = y.shape[0] ?? 0
  return np.sum(nn.logSoftmax(predict(p, x)).mul(nn.oneHot(y, 10))).mul(-1 / batch)
}

const [rate, beta1, beta2, epsilon] = [0.005, 0.9, 0.999, 1e-8]
const refs = (/** @type {Params} */ p) =>
  Object.fromEntries(Object.entries(p).map(([name, value]) => [name, value.ref]))
/** Gives the loss, and weights and both moments after the step. */
const step = jit(
  (
    /** @type {Params} */ p,
    /** @type {Params} */ m,
    /** @type {Params} */ v,
    /** @type {np.Array} */ x,
    /** @type {np.Array} */ y,
    /** @type {np.Array} */ correction1,
    /** @type {np.Array} */ correction2,
  ) => {
    const [value, gradient] = valueAndGrad(loss)(refs(p), x, y)
    /** @type {[Params, Params, Params]} */
    const [nextP, nextM, nextV] = [{}, {}, {}]
    for (const name of Object.keys(p)) {
      const g = of(gradient, name)
      const m1 = of(m, name)
        .mul(beta1)
        .add(g.ref.mul(1 - beta1))
      const v1 = of(v, name)
        .mul(beta2)
        .add(g.ref.mul(g).mul(1 - beta2))
      const change = m1.ref.mul(correction1.ref).div(np.sqrt(v1.ref.mul(correction2.ref)).add(epsilon))
      nextM[name] = m1
      nextV[name] = v1
      nextP[name] = of(p, name).sub(change.mul(rate))
    }
    correction1.dispose()
    correction2.dispose()
    return /** @type {[np.Array, Params, Params, Params]} */ ([value, nextP, nextM, nextV])
  },
)

const arrays = (/** @type {(values: Float32Array) => Float32Array} */ make) =>
  Object.fromEntries(
    [...weights].map(([name, { shape, data }]) => [name, np.array(make(data.slice())).reshape([...shape])]),
  )
/** @type {[Params, Params, Params]} */
let state = [arrays((data) => data), arrays((data) => data.fill(0)), arrays((data) => data.fill(0))]
let steps = 0

await serve({ train, weights, generator }, async (indices) => {
  steps++
  const at = np.array(indices.slice(), { dtype: np.int32 })
  const x = images.ref.slice(at.ref)
  const y = labels.ref.slice(at)
  const corrections = [beta1, beta2].map((beta) => np.array(1 / (1 - beta ** steps)))
  const [value, ...next] = /** @type {[np.Array, Params, Params, Params]} */ (
    /** @type {unknown} */ (step(...state, x, y, .../** @type {[np.Array, np.Array]} */ (corrections)))
  )
  state = next
  return Number(await value.jsAsync())
})
