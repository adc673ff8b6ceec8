// Dense layers of many weights, which are computed as convolutions of single pixels.
import { dense, denseGrad } from '@digitlab/ops'
import { tensor1d, tensor2d, type Tensor } from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { needStandin, noStandin, standinBackend } from '../standin/backend'

describe('on the stand-in', () => {
  needStandin()
  beforeAll(async () => void (noStandin === undefined && (await standinBackend().start())))

  const values = (size: number, seed: number) =>
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898 + seed))

  test.each([
    ['relu', 3, 2051, 65],
    ['identity', 2, 2048, 64],
    ['relu', 5, 300, 440], // too few inputs for its outputs to be divided
  ] as const)('with %s, [%i, %i] to %i', async (activation, batch, inputs, outputs) => {
    const [x, weight, bias, dy] = [
      values(batch * inputs, 1),
      values(inputs * outputs, 2),
      values(outputs, 3),
      values(batch * outputs, 4),
    ]
    const y = Float64Array.from({ length: batch * outputs }, (_, at) => {
      const [image, output] = [Math.floor(at / outputs), at % outputs]
      let sum = bias[output]!
      for (let i = 0; i < inputs; i++) sum += x[image * inputs + i]! * weight[i * outputs + output]!
      return activation === 'relu' ? Math.max(sum, 0) : sum
    })
    const dz = dy.map((value, at) => (activation === 'relu' && !(y[at]! > 0) ? 0 : value))
    const expected = {
      y,
      dWeight: Float64Array.from({ length: inputs * outputs }, (_, at) => {
        let sum = 0
        for (let b = 0; b < batch; b++)
          sum += x[b * inputs + Math.floor(at / outputs)]! * dz[b * outputs + (at % outputs)]!
        return sum
      }),
      dBias: Float64Array.from({ length: outputs }, (_, o) => {
        let sum = 0
        for (let b = 0; b < batch; b++) sum += dz[b * outputs + o]!
        return sum
      }),
      dx: Float64Array.from({ length: batch * inputs }, (_, at) => {
        let sum = 0
        for (let o = 0; o < outputs; o++)
          sum += dz[Math.floor(at / inputs) * outputs + o]! * weight[(at % inputs) * outputs + o]!
        return sum
      }),
    }
    const [xt, wt, bt, dyt] = [
      tensor2d(x, [batch, inputs]),
      tensor2d(weight, [inputs, outputs]),
      tensor1d(bias),
      tensor2d(dy, [batch, outputs]),
    ]
    const made = dense(xt, wt, bt, activation)
    const gradients = denseGrad(dyt, xt, wt, made, activation, true)
    const shapes = { y: [batch, outputs], dWeight: [inputs, outputs], dBias: [outputs], dx: [batch, inputs] }
    for (const [name, found] of Object.entries({ y: made, ...gradients } as Record<string, Tensor>)) {
      const want = expected[name as keyof typeof expected]
      expect(found.shape, name).toEqual(shapes[name as keyof typeof shapes])
      const got = await found.data()
      const largest = want.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i]!)), 0)
      expect(largest, name).toBeLessThan(2e-5)
    }
    for (const tensor of [xt, wt, bt, dyt, made, ...(Object.values(gradients) as (Tensor | undefined)[])])
      tensor?.dispose()
  })
})
