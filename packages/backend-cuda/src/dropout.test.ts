// Dropout's draws on the GPU: PyTorch's, from a generator that is lent to it and used by others in between.
import { dropout } from '@digitlab/ops'
import { bernoulli, MersenneTwister } from '@digitlab/random'
import { backend as currentBackend, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { needStandin, noStandin, standinBackend } from '../standin/backend'
import type { CudaTensors } from './cuda-tensors'

const cuda = standinBackend()

/** The factors of [batch, positions, channels], drawn in PyTorch's order. */
const maskOf = (generator: MersenneTwister, p: number, [batch, positions, channels]: [number, number, number]) => {
  const drawn = bernoulli(generator, batch * positions * channels, 1 - p)
  return Float32Array.from(drawn, (_, at) => {
    const [channel, position, image] = [
      at % channels,
      Math.floor(at / channels) % positions,
      Math.floor(at / channels / positions),
    ]
    return (drawn[(image * channels + channel) * positions + position] ?? NaN) / (1 - p)
  })
}

describe('on the stand-in', () => {
  needStandin()
  let tensors: CudaTensors
  let setOrder: (order: number) => number
  beforeAll(async () => {
    if (noStandin !== undefined) return
    await cuda.start()
    tensors = currentBackend() as CudaTensors
    ;({ setOrder } = await import('../standin/control'))
  })
  afterEach(() => void (noStandin === undefined && setOrder(0)))

  test('the words are those of the generator, from any place of a filling to any other', () => {
    const { device } = tensors
    for (const [drawn, values] of [
      ...[0, 1, 623, 624, 1000].flatMap((drawn) => [1, 311, 312, 313, 700].map((values) => [drawn, values] as const)),
    ])
      for (const order of [0, 1, 2]) {
        setOrder(order)
        const generator = new MersenneTwister(5)
        for (let n = 0; n < drawn; n++) generator.next()
        const { words, position } = generator.state()
        const state = device.memory.take(2500)
        const to = device.memory.take(8 * values)
        device.upload(state, Uint32Array.of(...words, position))
        device.launch({ kernel: 'drawWords', blocks: [1], threads: 448, arguments: [state, to, values] })
        const want = Uint32Array.from({ length: 2 * values }, () => generator.next())
        expect(new Uint32Array(device.readNow(to, 8 * values)), `${values} after ${drawn}`).toEqual(want)
        const after = Array.from(new Uint32Array(device.readNow(state, 2500)))
        expect({ words: after.slice(0, 624), position: after[624] }).toEqual(generator.state())
        device.memory.give(state)
        device.memory.give(to)
      }
  })

  test('a recorded step draws anew each time, goes on where others drew, and leaves the generator where it would be', async () => {
    const [ours, theirs] = [new MersenneTwister(3), new MersenneTwister(3)]
    const used = tensors.device.memory.usedBytes
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8], [2, 4])
    // Two in one step: the second goes on where the first ended.
    const first = cuda.record!(() => tidy((): Tensor[] => [dropout(dropout(x, 0.25, ours, 2).y, 0.5, ours, 1).y]))
    const recording = first.recording!
    expect(recording).toBeDefined()
    const expected = () => {
      const [a, b] = [maskOf(theirs, 0.25, [2, 2, 2]), maskOf(theirs, 0.5, [2, 4, 1])]
      return Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8], (value, i) => value * a[i]! * b[i]!)
    }
    expect(await recording.latest!()()).toEqual(expected())
    for (let step = 2; step < 100; step++) {
      if (step % 10 === 0) expect(ours.next()).toBe(theirs.next())
      if (step % 25 === 0) expect(ours.state()).toEqual(theirs.state())
      expect(recording.replay({ start: 0, step })).toBe(true)
      expect(await recording.latest!()()).toEqual(expected())
    }
    first.result.forEach((made) => made.dispose())
    recording.dispose()
    expect(ours.state()).toEqual(theirs.state())
    x.dispose()
    expect(tensors.device.memory.usedBytes).toBe(used)
  })

  test('a generator that is used after its recording is gone has not lost a draw', () => {
    const [ours, theirs] = [new MersenneTwister(4), new MersenneTwister(4)]
    const used = tensors.device.memory.usedBytes
    const x = tensor([1, 2, 3], [1, 3])
    const { result, recording } = cuda.record!(() => tidy((): Tensor[] => [dropout(x, 0.5, ours, 1).y]))
    recording!.replay({ start: 0, step: 2 })
    recording!.dispose()
    for (let n = 0; n < 2; n++) maskOf(theirs, 0.5, [1, 3, 1])
    expect(ours.next()).toBe(theirs.next())
    for (const made of [x, ...result]) made.dispose()
    expect(tensors.device.memory.usedBytes).toBe(used)
  })
})
