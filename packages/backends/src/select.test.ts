import { expect, test, vi } from 'vitest'
import { activate, BackendError, probeBackends, selectBackend, type Backend, type BackendId, type Probe } from './index'

const backend = (id: BackendId, probe: Probe): Backend => ({
  id,
  asynchronous: false,
  probe: async () => probe,
  start: async () => Promise.reject(new Error('selecting must not start')),
})
const usable = { usable: true, device: 'a device' } as const
const missing = { usable: false, reason: 'no driver was found', remedy: 'install one' } as const

test('a named backend is taken, and nothing else is looked at', async () => {
  const [first, second] = [backend('wasm', usable), backend('cpu', usable)]
  const probe = vi.spyOn(first, 'probe')
  const start = vi.spyOn(second, 'start')
  expect(await selectBackend([first, second], 'cpu')).toEqual({ backend: second, device: 'a device', unavailable: [] })
  expect(probe).not.toHaveBeenCalled()
  expect(start).not.toHaveBeenCalled()
})

test('a backend of somebody else is taken by its name, which compiles', async () => {
  const mine = backend('mine', usable)
  expect((await selectBackend([backend('cpu', usable), mine], 'mine')).backend).toBe(mine)
})

test('a named backend that is not usable is an error with reason and remedy, whatever else is usable', async () => {
  const choice = selectBackend([backend('cuda', missing), backend('cpu', usable)], 'cuda')
  await expect(choice).rejects.toThrow('the backend "cuda" is not usable here: no driver was found; install one')
  await expect(choice).rejects.toBeInstanceOf(BackendError)
})

test('an unknown backend is an error that lists the known ones', async () => {
  await expect(selectBackend([backend('cpu', usable), backend('wasm', usable)], 'tpu')).rejects.toThrow(
    'there is no backend "tpu": choose auto or one of cpu, wasm',
  )
  await expect(selectBackend([], 'tpu')).rejects.toMatchObject({ code: 'unknown-backend' })
})

test('auto takes the first usable one and says what it skipped', async () => {
  const [cuda, wasm, cpu] = [backend('cuda', missing), backend('wasm', usable), backend('cpu', usable)]
  const choice = await selectBackend([cuda, wasm, cpu], 'auto')
  expect(choice.backend).toBe(wasm)
  expect(choice.unavailable).toEqual([{ id: 'cuda', reason: 'no driver was found', remedy: 'install one' }])
})

test('auto with nothing usable is an error that says why for each', async () => {
  await expect(selectBackend([backend('cuda', missing)], 'auto')).rejects.toThrow(
    'no backend is usable here. cuda: no driver was found; install one',
  )
})

test('probing all keeps their order', async () => {
  expect(await probeBackends([backend('cuda', missing), backend('cpu', usable)])).toEqual([
    { id: 'cuda', probe: missing },
    { id: 'cpu', probe: usable },
  ])
})

test('a backend that tfjs cannot start is an error, not another backend', async () => {
  await expect(activate('nowhere')).rejects.toThrow()
})
