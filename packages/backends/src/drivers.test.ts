// Drivers for tfjs's own backends, without the packages and with ones that a test makes.
import { conformanceCases } from '@digitlab/ops/conformance'
import { env, getBackend, KernelBackend, registerBackend, setBackend } from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { BackendError } from './backend'
import { nodeBackend, nodeBackendOn } from './tfjs-node'
import { loadOptional, type Optional } from './optional-package'
import { webgpuBackend, webgpuBackendOn } from './tfjs-webgpu'

const tensorflow = (isUsingGpuDevice?: () => boolean) => ({
  version: { 'tfjs-node': '4.22.0' },
  backend: () => (isUsingGpuDevice ? { binding: { isUsingGpuDevice } } : {}),
})
const loading = (answer: Optional<ReturnType<typeof tensorflow>>, nodeVersion = '20.19.0') => ({
  load: async () => answer,
  nodeVersion,
})

describe('tfjs-node', () => {
  test('that is not installed is a reason and a remedy, and starting an error', async () => {
    for (const [gpu, name] of [
      [true, '@tensorflow/tfjs-node-gpu'],
      [false, '@tensorflow/tfjs-node'],
    ] as const) {
      const backend = nodeBackend({ gpu })
      expect(backend.id).toBe(gpu ? 'tfjs-node-gpu' : 'node')
      const probe = await nodeBackendOn({ gpu }, { load: loadOptional, nodeVersion: '20.19.0' }).probe()
      expect(probe).toEqual({
        usable: false,
        reason: `the package ${name} is not installed`,
        remedy: `run "npm install ${name}"`,
      })
      await expect(backend.start()).rejects.toBeInstanceOf(BackendError)
    }
  })
  test('that cannot load its library says why', async () => {
    const broken = {
      reason: 'the package x cannot be loaded (libtensorflow.so.2 is missing)',
      remedy: 'install it again',
    }
    expect(await nodeBackendOn({}, loading(broken)).probe()).toEqual({ usable: false, ...broken })
  })
  test('for the GPU that computes on the processor is refused', async () => {
    for (const using of [() => false, undefined]) {
      const backend = nodeBackendOn({ gpu: true }, loading({ module: tensorflow(using) }))
      expect(await backend.probe()).toMatchObject({
        usable: false,
        reason: expect.stringContaining('is installed but computes on the processor') as string,
        remedy: expect.stringContaining('use the backend cuda') as string,
      })
      await expect(backend.start()).rejects.toThrow('computes on the processor')
    }
    const gpu = nodeBackendOn({ gpu: true }, loading({ module: tensorflow(() => true) }))
    expect(await gpu.probe()).toMatchObject({ usable: true })
    const processor = nodeBackendOn({}, loading({ module: tensorflow(() => false) }))
    expect(await processor.probe()).toMatchObject({ usable: true, device: 'TensorFlow 2.9 on the processor' })
  })
  test('is not even loaded on a Node that it does not run on', async () => {
    const load = async (): Promise<never> => Promise.reject(new Error('was loaded'))
    for (const version of ['23.0.0', '24.1.0'])
      expect(await nodeBackendOn({ gpu: true }, { load, nodeVersion: version }).probe()).toMatchObject({
        usable: false,
        reason: expect.stringContaining(`does not run on Node ${version}`) as string,
      })
  })
  test('whose loading makes it the backend leaves the one that computes in its place while it is probed', async () => {
    for (const name of ['computing', 'tensorflow-loaded'])
      registerBackend(name, () => new (class extends KernelBackend {})())
    await setBackend('computing')
    const load = async () => {
      void setBackend('tensorflow-loaded')
      return { module: tensorflow() }
    }
    expect(await nodeBackendOn({}, { load, nodeVersion: '20.19.0' }).probe()).toMatchObject({ usable: true })
    expect(getBackend()).toBe('computing')
  })
  test('that loads but does not become the backend is an error', async () => {
    const backend = nodeBackendOn({}, loading({ module: tensorflow() }))
    await expect(backend.start()).rejects.toThrow()
  })
})

describe('webgpu in Node', () => {
  test('without the package webgpu is a reason and a remedy', async (context) => {
    const loaded = await loadOptional('webgpu')
    if ('module' in loaded) return context.skip('the package webgpu is installed here')
    expect(await webgpuBackend().probe()).toEqual({
      usable: false,
      reason: 'the package webgpu is not installed',
      remedy: 'run "npm install webgpu @tensorflow/tfjs-backend-webgpu"',
    })
    await expect(webgpuBackend().start()).rejects.toThrow('the package webgpu is not installed; run')
  })
  test('that throws is a reason, not a crash', async () => {
    const backend = webgpuBackendOn({ dawn: async () => Promise.reject(new Error('no device')) })
    expect(await backend.probe()).toEqual({
      usable: false,
      reason: 'WebGPU failed (no device)',
      remedy: 'use another backend',
    })
  })
})

describe('webgpu on the adapter at hand', () => {
  const folder = process.env['DIGITLAB_DAWN']
  const dawn = async () => {
    if (folder === undefined) return { reason: 'the package webgpu is not at hand: set DIGITLAB_DAWN', remedy: '' }
    return loadOptional<never>(pathToFileURL(join(folder, 'index.js')).href)
  }
  const backend = webgpuBackendOn({ dawn })
  let refused = ''
  beforeAll(async () => {
    env().set('IS_TEST', true)
    const probe = await backend.probe()
    if (probe.usable) {
      const info = await backend.start()
      expect(info.device).toBe(probe.device)
    } else refused = probe.reason
  })
  for (const { name, run } of conformanceCases())
    test(name, async ({ skip }) => {
      if (refused !== '') return skip(refused)
      await run()
    })
})
