import { activate, type Backend, type Recording } from '@digitlab/backends'
import '@tensorflow/tfjs-backend-cpu'
import { env, memory, tensor1d, type Tensor } from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { createRepeater } from './repeater'

beforeAll(async () => {
  env().set('IS_TEST', true)
  await activate('cpu')
})

describe('a repeated computation', () => {
  /** A backend that records: repeating fails once `failing` is set. */
  const recorder = () => {
    const state = { recorded: 0, replayed: 0, disposed: 0, failing: false }
    const record: Backend['record'] = (compute) => {
      state.recorded++
      const recording: Recording = {
        replay: () => !state.failing && ++state.replayed > 0,
        dispose: () => void state.disposed++,
      }
      return { result: compute(), recording }
    }
    return { state, record }
  }
  const again = (recording: Recording) => recording.replay({ start: 0, step: 1 })
  const compute = (): Tensor[] => [tensor1d([1])]

  test('is recorded once for the usual size, and anew where repeating fails', () => {
    const before = memory().numTensors
    const { state, record } = recorder()
    const repeater = createRepeater(record)
    const first = repeater.run(8, true, again, compute)
    expect(repeater.run(8, true, again, compute).tensors).toBe(first.tensors)
    const odd = repeater.run(3, false, again, compute)
    expect(odd.kept).toBe(false)
    odd.tensors.forEach((tensor) => tensor.dispose())
    expect(state).toMatchObject({ recorded: 1, replayed: 1, disposed: 0 })
    state.failing = true
    expect(repeater.run(8, true, again, compute).kept).toBe(true)
    expect(state).toMatchObject({ recorded: 2, disposed: 1 })
    repeater.forget()
    expect(state.disposed).toBe(2)
    expect(memory().numTensors).toBe(before)
  })

  test('is left alone after a few tries that could not be recorded', () => {
    let tries = 0
    const repeater = createRepeater((run) => {
      tries++
      return { result: run(), recording: undefined }
    })
    for (let i = 0; i < 20; i++) repeater.run(8, true, again, compute).tensors.forEach((tensor) => tensor.dispose())
    expect(tries).toBe(4)
  })
})
