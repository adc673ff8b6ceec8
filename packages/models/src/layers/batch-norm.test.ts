import { float64 } from '@digitlab/ops'
import { expect, test } from 'vitest'
import { defineModel } from '../index'
import { batchNorm } from './batch-norm'

/** [batch, channels, places] to [batch, places, channels], as memory has it. */
const turned = (values: readonly number[]) =>
  Float64Array.from(values, (_, i) => values[Math.floor(i / 12) * 12 + (i % 3) * 4 + (Math.floor(i / 3) % 4)]!)

// torch.nn.BatchNorm2d(3) of x [2, 3, 2, 2], backward from g, PyTorch 2.13.
const values = Array.from({ length: 24 }, (_, i) => i)
const x = { shape: [2, 2, 2, 3], data: turned(values.map((i) => ((i * 7) % 11) / 4)) }
const dy = { shape: x.shape, data: turned(values.map((i) => ((i * 5) % 7) - 3)) }
const [weight, bias] = [float64.array64([3], [0.5, 1, 2]), float64.array64([3], [0.1, -0.2, 0.3])]
const buffers = {
  running_mean: float64.array64([3]),
  running_var: float64.array64([3], [1, 1, 1]),
  num_batches_tracked: float64.array64([]),
}
const options = { name: 'norm', momentum: 0.1, epsilon: 1e-5 }
const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 5) as number)

test("values, gradients and running statistics are PyTorch's", () => {
  const run = { x, options, weights: { weight, bias }, buffers } as const
  const { y, back, buffers: after } = batchNorm.float64(float64, { ...run, mode: 'training' })
  expect([...y.data.slice(0, 6)]).toEqual(
    close([-0.7693119, 0.18910027, -1.5740706, 0.28898084, -1.1943672, 2.7987607]),
  )
  const { dx, gradients } = back(dy, true)
  expect([...(dx?.data.slice(0, 6) ?? [])]).toEqual(
    close([-1.3926286, 4.1710825, 1.9426769, 1.4859298, 0.10086881, 3.3443208]),
  )
  expect([...(gradients?.weight.data ?? [])]).toEqual(close([0.90710807, -5.447403, -9.3703527]))
  expect([...(gradients?.bias.data ?? [])]).toEqual(close([-4, 2, 1]))
  expect([...(after?.running_mean?.data ?? [])]).toEqual(close([0.14375, 0.121875, 0.1]))
  expect([...(after?.running_var?.data ?? [])]).toEqual(close([0.97812498, 0.95970982, 0.97321427]))
  expect([...(after?.num_batches_tracked?.data ?? [])]).toEqual([1])

  const held = { ...buffers, ...after }
  const used = batchNorm.float64(float64, { ...run, buffers: held, mode: 'evaluation' })
  expect([...used.y.data.slice(0, 6)]).toEqual(
    close([0.027326107, 1.2067482, 0.60409886, 0.9120518, 0.18597853, 4.1519189]),
  )
  expect(used.buffers).toBeUndefined()
})

const around = (layers: readonly object[]) => defineModel({ name: 'mine', input: [4, 4, 2], layers: layers as never })
const head = [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 3 }]

test("the entries are PyTorch's, in its order, with its types", () => {
  const { layers, leastBatch } = around([{ type: 'batchNorm', name: 'norm' }, ...head])
  const entries = [...layers[0]!.parameters, ...layers[0]!.buffers]
  expect(entries.map(({ name, shape, dtype }) => [name, shape, dtype])).toEqual([
    ['norm.weight', [2], undefined],
    ['norm.bias', [2], undefined],
    ['norm.running_mean', [2], undefined],
    ['norm.running_var', [2], undefined],
    ['norm.num_batches_tracked', [], 'int64'],
  ])
  expect(leastBatch.images).toBe(1)
})

test('of rows in the order of a flattened image, each feature has its own place', () => {
  const { layers, leastBatch } = around([{ type: 'flatten' }, { type: 'batchNorm', name: 'norm' }, head[1]!])
  // Memory has [height, width, channel], PyTorch [channel, height, width].
  expect([0, 1, 2, 31].map((i) => layers[1]!.parameters[0]!.layout.source(i))).toEqual([0, 16, 1, 31])
  expect(leastBatch).toEqual({ images: 2, layer: 'its layers[1] (batchNorm)' })
})

test("options out of PyTorch's range are refused", () => {
  const define = (given: object) => () => around([{ type: 'batchNorm', name: 'norm', ...given }, ...head])
  expect(define({ epsilon: 0 })).toThrow('layers[0].epsilon of the model "mine" must be a number above 0, not 0')
  expect(define({ momentum: null })).toThrow('layers[0].momentum of the model "mine" must be a number, not null')
})
