// Files of tests that share a process share TensorFlow.js and its engine: each leaves the engine as the next one expects it.
import '@tensorflow/tfjs-backend-cpu'
import { engine, getKernelsForBackend, memory } from '@tensorflow/tfjs-core'
import { afterAll, expect } from 'vitest'

const ofEngine = () => ({
  tensors: memory().numTensors,
  backends: Object.keys(engine().registryFactory),
  kernels: new Set(getKernelsForBackend('cpu').map(({ kernelFunc }) => kernelFunc)),
})
const before = ofEngine()
afterAll(() => expect(ofEngine(), 'what a file of tests leaves of the engine').toEqual(before))
