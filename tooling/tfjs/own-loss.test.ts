// A loss of one's own, written in tfjs and differentiated by its autograd, on every backend of ours.
import '@tensorflow/tfjs-layers' // registers tfjs's own gradients, which its core has not in Node
import { cpuBackend } from '@digitlab/backend-cpu'
import { wasmBackend } from '@digitlab/backend-wasm'
import { initialWeights, resolveModel } from '@digitlab/models'
import { logits, lossAndGradients, uploadWeights, type Weights } from '@digitlab/models/compute'
import { operationPaths, softmaxCrossEntropy, withReference } from '@digitlab/ops'
import { MersenneTwister, uniform } from '@digitlab/random'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { standinBackend } from '../../packages/backend-cuda/standin/backend'
import { whyNoStandin } from '../../packages/backend-cuda/standin/build'

const lacking = whyNoStandin()
const sides = [
  { id: 'cpu', backend: cpuBackend },
  { id: 'wasm', backend: () => wasmBackend() },
  { id: 'cuda', backend: standinBackend },
] as const

const batch = 6

describe.each(sides)('on $id', ({ id, backend }) => {
  const missing = id === 'cuda' ? lacking : undefined
  let images: tf.Tensor4D
  let labels: tf.Tensor1D

  beforeAll(async () => {
    if (missing !== undefined) return
    await backend().start()
    expect(operationPaths().dense).toBe('kernel')
    images = tf.tensor4d(uniform(new MersenneTwister(3), batch * 784, 0, 1), [batch, 28, 28, 1])
    labels = tf.tensor1d([3, 1, 4, 1, 5, 9], 'int32')
  })
  afterAll(() => tf.disposeVariables())

  const variablesOf = (name: string) => {
    const model = resolveModel(name)
    const uploaded = uploadWeights(model, initialWeights(model, new MersenneTwister(7)))
    const weights: Weights = new Map([...uploaded].map(([name, value]) => [name, tf.variable(value)]))
    tf.dispose([...uploaded.values()])
    return { model, weights }
  }
  const crossEntropy = (z: tf.Tensor2D): tf.Scalar =>
    tf.neg(tf.mean<tf.Scalar>(tf.sum(tf.mul(tf.logSoftmax(z), tf.oneHot(labels, 10)), 1)))
  const first = (summary: tf.Tensor): tf.Scalar => tf.reshape<tf.Rank.R0>(tf.slice(summary, 0, 1), [])
  const expectClose = async (got: tf.Tensor, want: tf.Tensor, what: string) => {
    const [values, wanted] = await Promise.all([got, want].map(async (tensor) => Array.from(await tensor.data())))
    if (!values || !wanted) throw new Error('two were read')
    expect(got.shape, what).toEqual(want.shape)
    const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
    const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs((values[i] ?? NaN) - value)), 0)
    expect(worst, what).toBeLessThan(2e-5 * scale)
  }

  test.for(['linear', 'two-layer', 'cnn'])(
    '%s: tf.variableGrads gives what lossAndGradients does',
    async (name, context) => {
      if (missing !== undefined) return context.skip(missing)
      const { model, weights } = variablesOf(name)
      const { summary, gradients } = lossAndGradients(model, weights, images, labels, 1 / batch)
      for (const loss of [
        () => crossEntropy(logits(model, weights, images)),
        () => first(softmaxCrossEntropy(logits(model, weights, images), labels, 1 / batch).summary),
      ]) {
        const { value, grads } = tf.variableGrads(loss)
        await expectClose(value, first(summary), 'the loss')
        for (const [parameter, weight] of weights) {
          const got = grads[(weight as tf.Variable).name]
          const want = gradients.get(parameter)
          if (!got || !want) throw new Error(`no gradient of ${parameter}`)
          await expectClose(got, want, parameter)
        }
        tf.dispose([value, grads])
      }
      tf.dispose([summary, ...gradients.values()])
    },
  )

  test('the gradient of the images, and one of a gradient', async (context) => {
    if (missing !== undefined) return context.skip(missing)
    const { model, weights } = variablesOf('two-layer')
    const loss = (x: tf.Tensor) => crossEntropy(logits(model, weights, x))
    const sharp = (x: tf.Tensor) => tf.sum(tf.square(tf.grad(loss)(x)))
    for (const f of [loss, sharp]) {
      const [got, want] = [tf.grad(f)(images), withReference(() => tf.grad(f)(images))]
      await expectClose(got, want, 'dx')
      tf.dispose([got, want])
    }
  })
})
