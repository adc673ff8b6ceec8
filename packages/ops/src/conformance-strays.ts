// Kernels called with what tfjs allows and no test of its has, and with values that point elsewhere.
import {
  conv2dTranspose,
  engine,
  fused,
  getBackend,
  getKernel,
  slice,
  tensor,
  type NamedAttrMap,
  type Rank,
  type Tensor,
  type Tensor4D,
} from '@tensorflow/tfjs-core'
import { calls, filled, float32 } from './conformance-calls'
import { softmaxCrossEntropy } from './softmax-cross-entropy'

/** Whether the backend's kernels are those of a contract: what stock kernels do with such calls is tfjs's affair. */
const isOurs = () => getKernel('DigitlabDense', getBackend()) !== undefined
const expectValues = async (what: string, got: Tensor, want: readonly number[]): Promise<void> => {
  const values = Array.from(await got.data())
  got.dispose()
  if (values.length !== want.length || values.some((value, i) => Math.abs(value - (want[i] ?? NaN)) > 1e-5))
    throw new Error(`${what}: [${values.join(', ')}] where [${want.join(', ')}] is right`)
}

/** Kernels of tfjs's own names with what tfjs allows and no test of its has. */
export const allowances = (): { readonly name: string; readonly run: () => Promise<void> }[] => [
  {
    name: 'fused.matMul with one bias a row, and fused.conv2d with one a column of the image',
    run: async () => {
      if (!isOurs()) return
      const ones = tensor(new Float32Array(9).fill(1), [3, 3])
      const bias = tensor([1, -4, 3], [3, 1])
      const sum = (activation: 'linear' | 'relu') => fused.matMul({ a: ones, b: ones, bias, activation })
      await expectValues('matMul', sum('linear'), [4, 4, 4, -1, -1, -1, 6, 6, 6])
      await expectValues('matMul, rectified', sum('relu'), [4, 4, 4, 0, 0, 0, 6, 6, 6])
      const x = tensor<Rank.R4>([1, 2, 3, 4], [1, 2, 2, 1])
      const filter = tensor<Rank.R4>([1, 2], [1, 1, 1, 2])
      const ofColumns = tensor([10, -20], [2, 1])
      const y = (activation: 'linear' | 'relu') =>
        fused.conv2d({ x, filter, strides: 1, pad: 0, bias: ofColumns, activation })
      await expectValues('conv2d', y('linear'), [11, 12, -18, -16, 13, 16, -16, -12])
      await expectValues('conv2d, rectified', y('relu'), [11, 12, 0, 0, 13, 16, 0, 0])
      for (const one of [ones, bias, x, filter, ofColumns]) one.dispose()
    },
  },
  {
    name: 'conv2dTranspose takes the beginning of a longer dy, and refuses a shorter one',
    run: async () => {
      if (!isOurs()) return
      const filter = filled(float32(3, 3, 1, 1))
      const long = tensor<Rank.R4>(
        Float32Array.from({ length: 48 }, (_, i) => Math.sin(i)),
        [1, 6, 8, 1],
      )
      const dx = (dy: Tensor) => conv2dTranspose(dy as Tensor4D, filter as Tensor4D, [1, 4, 4, 1], [1, 1], 'same')
      const beginning = slice(long, [0, 0, 0, 0], [1, 4, 4, 1])
      const want = dx(beginning)
      await expectValues('dx', dx(long), Array.from(await want.data()))
      for (const shape of [
        [1, 3, 4, 1],
        [1, 4, 3, 1],
        [2, 4, 4, 1],
        [1, 4, 4, 2],
      ]) {
        const other = filled(float32(...shape))
        let refused = false
        try {
          dx(other).dispose()
        } catch {
          refused = true
        }
        other.dispose()
        if (!refused) throw new Error(`a dy of [${shape.join(', ')}] was taken where [1, 4, 4, 1] is right`)
      }
      for (const one of [filter, long, beginning, want]) one.dispose()
    },
  },
]

/** Values that point elsewhere: labels, orders and winners out of range. */
export const strays = (): { readonly name: string; readonly run: () => Promise<void> }[] => [
  {
    name: 'softmaxCrossEntropy with a label out of range is NaN, in the loss and in its row',
    run: async () => {
      for (const stray of [-1, 3, 2 ** 30, -(2 ** 31)]) {
        const [logits, labels] = [tensor([1, 2, 3, 4, 5, 6], [2, 3]), tensor(Int32Array.of(1, stray), [2], 'int32')]
        const { summary, dLogits } = softmaxCrossEntropy(
          ...([logits, labels, 0.5] as Parameters<typeof softmaxCrossEntropy>),
        )
        const [[loss = 0, right] = [], rows] = await Promise.all([summary.data(), dLogits.data()])
        const expected = Number.isNaN(loss) && right === 0 && rows.slice(0, 3).every(Number.isFinite)
        if (!expected || !rows.slice(3).every(Number.isNaN))
          throw new Error(`with the label ${stray} of 3 the loss is ${loss} and its gradient [${rows.join(', ')}]`)
        for (const one of [logits, labels, summary, dLogits]) one.dispose()
      }
    },
  },
  {
    name: 'DigitlabGatherBatch with an order that points past the images makes NaN of them',
    run: async () => {
      if (!isOurs()) return
      for (const stray of [-1, 4, 2 ** 30]) {
        const given = {
          images: tensor(new Uint8Array(24).fill(255), [4, 3, 2, 1], 'bool'),
          labels: tensor(Int32Array.of(5, 6, 7, 8), [4], 'int32'),
          order: tensor(Int32Array.of(2, stray), [2], 'int32'),
        }
        const [images, labels] = engine().runKernel<Tensor[]>('DigitlabGatherBatch', given, {
          ...{ start: 0, size: 2, mean: 0, std: 1 },
        }) as [Tensor, Tensor]
        const [pixels, classes] = await Promise.all([images.data(), labels.data()])
        const expected = pixels.slice(0, 6).every((value) => value === 1) && pixels.slice(6).every(Number.isNaN)
        if (!expected || classes[0] !== 7 || classes[1] !== -1)
          throw new Error(`an order to ${stray} of 4 gave [${pixels.join(', ')}] and [${classes.join(', ')}]`)
        for (const one of [...Object.values(given), images, labels]) one.dispose()
      }
    },
  },
  {
    name: 'DigitlabConvReluPoolGrad with winners of any value',
    run: async () => {
      const call = calls().find(({ name }) => name === 'DigitlabConvReluPoolGrad')
      if (call === undefined || !isOurs()) return
      const guard = tensor(new Float32Array(64).fill(NaN), [64])
      const given = Object.fromEntries(Object.entries(call.inputs).map(([name, of]) => [name, filled(of)]))
      given['winners']?.dispose()
      const strays = Int32Array.from({ length: 72 }, (_, i) => [2 ** 30, -7, 9, 2 ** 31 - 1][i % 4] ?? 0)
      given['winners'] = tensor(strays, [2, 3, 3, 4], 'int32')
      const made = engine().runKernel<Tensor[]>(call.name, given, call.attributes as NamedAttrMap)
      for (const output of made)
        if (!(await output.data()).every(Number.isFinite)) throw new Error('it read what is not its own')
      if (!(await guard.data()).every(Number.isNaN)) throw new Error('it wrote to its neighbour')
      for (const one of [guard, ...Object.values(given), ...made]) one.dispose()
    },
  },
]
