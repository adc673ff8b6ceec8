import { activate, BackendError, holdBackend, useBackend, type Backend } from './index'
import { KernelBackend, registerBackend, setBackend } from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'

class Empty extends KernelBackend {}
for (const name of ['left', 'right']) registerBackend(name, () => new Empty())

const backend = (name: string): Backend => ({
  id: 'cpu',
  asynchronous: false,
  probe: async () => ({ usable: true, device: name }),
  start: async () => {
    await activate(name)
    return { id: 'cpu', device: name, threads: 1, versions: {} }
  },
})
const turn = () => new Promise((resolve) => setTimeout(resolve))

test('two computations on different backends are done one after the other, each on its own', async () => {
  const said: string[] = []
  const compute = (name: string) =>
    useBackend(backend(name), async ({ device }, check) => {
      for (let step = 0; step < 3; step++) {
        check()
        said.push(device)
        await turn()
      }
    })
  await Promise.all([compute('left'), compute('right'), compute('left')])
  expect(said).toEqual(['left', 'right', 'left'].flatMap((name) => [name, name, name]))
})

test('one that fails, or cannot start, lets the next have its turn', async () => {
  const failing = useBackend(backend('left'), () => Promise.reject(new Error('its own')))
  const unknown = useBackend(backend('nowhere'), async () => {})
  const next = useBackend(backend('right'), async ({ device }) => device)
  await expect(failing).rejects.toThrow('its own')
  await expect(unknown).rejects.toThrow('nowhere')
  expect(await next).toBe('right')
})

test('a backend that is set to another one meanwhile is told, both named', async () => {
  const run = useBackend(backend('left'), async (_, check) => {
    await setBackend('right')
    check()
  })
  await expect(run).rejects.toThrow('tfjs computes on "right" now, this computation began on "left"')
  await expect(run).rejects.toBeInstanceOf(BackendError)
  await expect(run).rejects.toMatchObject({ code: 'backend-changed' })
})

test('setting it back in time is as if nothing had been', async () => {
  await setBackend('left')
  const check = holdBackend()
  await setBackend('right')
  await setBackend('left')
  expect(check).not.toThrow()
})
