import type { Instance } from './instance'
import { defineKernel } from './kernel'

/** Outputs up to which ten dot products side by side are faster than sums of rows. Found by timing 8 to 40 outputs. */
const narrowest = 24

/** Which of the two ways of `assembly/dense.ts` a layer takes. */
const densePath = (outputs: number): 'narrow' | 'wide' => (outputs <= narrowest ? 'narrow' : 'wide')

const roundUp = (n: number, step: number) => Math.ceil(n / step) * step

interface Sizes {
  readonly batch: number
  readonly inputs: number
  readonly outputs: number
}

/** Places in scratch memory for what the ranges of a layer share, one behind the other. */
const places = ({ scratch }: Instance, floats: readonly number[]): readonly number[] => {
  let at = 0
  const offsets = floats.map((count) => {
    const offset = at
    at += roundUp(4 * count, 64)
    return offset
  })
  const from = scratch(at)
  return offsets.map((offset) => from + offset)
}

/** Rows of x that are whole blocks: x itself, or a copy at `room`. */
const blocksOf = ({ share }: Instance, x: number, { batch, inputs }: Sizes, room: number): number => {
  const padded = roundUp(inputs, 16)
  if (padded === inputs) return x
  share('padRows', { items: batch, waits: false }, x, inputs, padded, room)
  return room
}

/** Kernel: `assembly/dense.ts`; contract: `dense` of @digitlab/ops. */
export const dense = defineKernel('DigitlabDense', (instance, { x, weight, bias }, { activation }, sizes) => {
  const { address, output, kernels, share, took } = instance
  const { batch, inputs, outputs } = sizes
  const y = output([batch, outputs], 'float32')
  const path = densePath(outputs)
  took(`dense ${path}`)
  // Without a bias, zeros; in an area of their own, as what follows takes the other.
  const added = bias ? address(bias) : instance.scratch(4 * outputs, 'no bias')
  if (!bias) kernels.clearMemory(added, 4 * outputs)
  const relu = Number(activation === 'relu')
  const room = kernels.denseRoom(batch, inputs, outputs)
  if (path === 'narrow') {
    const padded = roundUp(inputs, 16)
    const [weights = 0, blocks = 0] = places(instance, [outputs * padded, padded === inputs ? 0 : batch * padded])
    const rows = blocksOf(instance, address(x), sizes, blocks)
    share('denseTranspose', { items: inputs, grain: 16 }, address(weight), inputs, outputs, weights)
    const tensors = [rows, weights, added, address(y)] as const
    share('denseNarrow', { items: batch, grain: 4, room }, ...tensors, batch, padded, outputs, relu)
  } else {
    const padded = roundUp(outputs, 4)
    let weights = address(weight)
    if (padded > outputs) {
      ;[weights = 0] = places(instance, [inputs * padded])
      share('padRows', { items: inputs }, address(weight), outputs, padded, weights)
    }
    const tensors = [address(x), weights, added, address(y)] as const
    share('denseWide', { items: batch, room }, ...tensors, inputs, outputs, relu)
  }
  return { y }
})

/** Kernel: `assembly/dense.ts`; contract: `denseGrad` of @digitlab/ops. */
export const denseGrad = defineKernel(
  'DigitlabDenseGrad',
  (instance, { dy, x, weight, y }, { activation, needsInputGradient }, sizes) => {
    const { address, output, kernels, share, took } = instance
    const { batch, inputs, outputs } = sizes
    const dWeight = output([inputs, outputs], 'float32')
    const dBias = output([outputs], 'float32')
    const dx = needsInputGradient ? output(x.shape, 'float32') : undefined
    const path = densePath(outputs)
    took(`denseGrad ${path}`)
    const [paddedIn, paddedOut] = [roundUp(inputs, 16), roundUp(outputs, 4)]
    const [dz = 0, weights = 0, blocks = 0] = places(instance, [
      batch * paddedOut,
      dx ? outputs * paddedIn : 0,
      paddedIn === inputs ? 0 : batch * paddedIn,
    ])
    const rows = blocksOf(instance, address(x), sizes, blocks)
    if (dx)
      share('denseTranspose', { items: inputs, grain: 16, waits: false }, address(weight), inputs, outputs, weights)
    share('denseZ', { items: batch }, address(dy), address(y), outputs, Number(activation === 'relu'), dz)

    const room = kernels.denseRoom(batch, inputs, outputs)
    share('columnSums', { items: outputs, grain: 4, waits: false }, dz, batch, outputs, address(dBias))
    if (dx) {
      const inputGrad = [dz, weights, batch, inputs, outputs, address(dx)] as const
      share('denseInputGrad', { items: batch, grain: 4, room, waits: false }, ...inputGrad)
    }
    const [weightGrad, grain] =
      path === 'narrow' ? (['weightGradNarrow', 16] as const) : (['weightGradWide', 4] as const)
    share(weightGrad, { items: inputs, grain, room }, rows, dz, batch, inputs, outputs, address(dWeight))
    return { dWeight, dBias, dx }
  },
)
