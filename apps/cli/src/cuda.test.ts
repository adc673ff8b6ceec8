// `--backend cuda` of the built command, where the system's driver is the tests' stand-in or none.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { strokes } from '@digitlab/data'
import { writeIdx } from '@digitlab/idx'
import type { Run } from '@digitlab/train'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { buildStandin, whyNoStandin } from '../../../packages/backend-cuda/standin/build'
import { runHere } from './testing/in-process'

const bin = fileURLToPath(new URL('../bin/digitlab.js', import.meta.url))
let folder = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'digitlab-cuda-'))
  mkdirSync(join(folder, 'digits'))
  const { train, test } = await strokes({ trainCount: 300, testCount: 60 })
  for (const [name, { images, labels, count }] of Object.entries({ train, t10k: test })) {
    const write = (kind: string, shape: number[], data: Uint8Array) =>
      writeFileSync(join(folder, 'digits', `${name}-${kind}-ubyte`), writeIdx({ type: 'uint8', shape, data }))
    write('images-idx3', [count, 28, 28], images)
    write('labels-idx1', [count], labels)
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const environment = () => ({
  DIGITLAB_DATA: '',
  DIGITLAB_CACHE: join(folder, 'cache'),
  DIGITLAB_MIRROR: 'http://127.0.0.1:2',
})
const digitlab = (args: readonly string[], env: Record<string, string> = {}) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, ...environment(), ...env },
  })
  return { status, stdout, stderr }
}
const cudaLine = (env: Record<string, string>) =>
  digitlab(['backends'], env)
    .stdout.split('\n')
    .find((line) => line.startsWith('cuda'))

describe('options of cuda', () => {
  test.each([
    ['--device', '1'],
    ['--tf32', undefined],
  ])('%s is refused where another backend was asked for', async (flag, value) => {
    const more = value === undefined ? [flag] : [flag, value]
    for (const command of [
      ['train', '--model', 'linear', '--backend', 'wasm'],
      ['compare', '--backends', 'wasm,cpu'],
      ['parity', '--backends', 'wasm,cpu'],
    ]) {
      const { code, err } = await runHere(folder, [...command, ...more], environment())
      expect([code, err]).toEqual([1, expect.stringContaining(`${flag} belongs to --backend cuda`)])
    }
  })
  test('a device that is not a number is a wrong command line', async () => {
    const { code } = await runHere(folder, ['train', '--model', 'linear', '--device', 'first'], environment())
    expect(code).toBe(2)
  })
})

test('backends that need what a user adds say what', () => {
  const { stdout, status } = digitlab(['backends'])
  expect(status).toBe(0)
  expect(stdout).toMatch(/^webgpu +(usable|not usable +(the package webgpu|WebGPU))/m)
  expect(stdout).toMatch(
    /^tfjs-node-gpu +not usable +(the package @tensorflow|@tensorflow\/tfjs-node-gpu does not run on Node)/m,
  )
  expect(stdout).toMatch(/^node +not usable +(the package @tensorflow|@tensorflow\/tfjs-node does not run on Node)/m)
})

const noStandin = whyNoStandin()
describe('with a driver (the stand-in)', () => {
  beforeEach(({ skip }) => {
    if (noStandin !== undefined) skip(noStandin)
  })
  const driver: Record<string, string> = {}
  beforeAll(() => {
    if (noStandin !== undefined) return
    symlinkSync(buildStandin(), join(folder, 'libcuda.so.1'))
    driver['LD_LIBRARY_PATH'] = folder
  })

  test('backends explains itself', () => {
    expect(cudaLine(driver)).toMatch(/^cuda +usable +host stand-in 0 for tests, not a GPU$/)
    expect(cudaLine({ ...driver, CUDA_STANDIN_VERSION: '11020' })).toMatch(
      /not usable +the NVIDIA driver is for CUDA 11\.2, and CUDA 11\.4 \(driver 470\) is the oldest that will do; install a newer/,
    )
    expect(cudaLine({ ...driver, CUDA_STANDIN_FAIL: 'cuInit=100' })).toMatch(
      /not usable +the NVIDIA driver finds no GPU \(CUDA_ERROR_NO_DEVICE \(100\) from cuInit\); see with nvidia-smi/,
    )
    expect(cudaLine({ ...driver, CUDA_STANDIN_FAIL: 'cuInit=803' })).toContain('restart the machine')
    expect(cudaLine({ ...driver, CUDA_STANDIN_DEVICES: '0' })).toContain('the NVIDIA driver finds no GPU')
  })

  test('a backend that is not available is refused, with exit code 1', () => {
    const args = ['train', '--model', 'linear', '--dataset', 'digits', '--backend', 'cuda']
    const { status, stderr } = digitlab([...args, '--device', '3'], driver)
    expect([status, stderr]).toEqual([
      1,
      'digitlab: the backend "cuda" is not usable here: there is no GPU 3, this machine has 1 (0: host stand-in 0 for tests, not a GPU); name one of them\n',
    ])
  })

  test('a model is trained on it, in TF32 where asked for, and the run records it', () => {
    const args = ['train', '--model', 'linear', '--dataset', 'digits', '--epochs', '2', '--batch-size', '40']
    const train = (out: string, more: readonly string[]) => {
      const { status, stderr } = digitlab([...args, '--out', out, ...more], { ...driver, CUDA_STANDIN_DEVICES: '2' })
      expect(stderr).toContain('linear on')
      expect(status).toBe(0)
      return JSON.parse(readFileSync(join(folder, out, 'run.json'), 'utf8')) as Run
    }
    const plain = train('plain', ['--backend', 'auto'])
    expect(plain.backend).toMatchObject({
      id: 'cuda',
      device: 'host stand-in 0 for tests, not a GPU',
      precision: 'float32',
    })
    const tf32 = train('tf32', ['--backend', 'cuda', '--device', '1', '--tf32'])
    expect(tf32.backend).toMatchObject({ device: 'host stand-in 1 for tests, not a GPU, TF32', precision: 'tf32' })
    const wasm = train('wasm', ['--backend', 'wasm', '--workers', '1'])
    expect(plain.history.stepLosses).toHaveLength(16)
    wasm.history.stepLosses.forEach((loss, i) => expect(plain.history.stepLosses[i]).toBeCloseTo(loss, 5))
  }, 120_000)

  test.each([
    [['train', '--model', 'linear', '--device', '0'], '--device belongs to --backend cuda, and wasm was chosen'],
    [['evaluate', 'plain', '--tf32'], '--tf32 belongs to --backend cuda, and wasm was chosen'],
    [['compare', '--backends', 'auto,cpu', '--tf32'], '--tf32 belongs to --backend cuda, and wasm, cpu was chosen'],
    [['parity', '--tf32'], '--tf32 belongs to --backend cuda, and wasm, cpu can be used here'],
  ])('%j is refused where auto passes it over', (args, message) => {
    const none = { ...driver, CUDA_STANDIN_DEVICES: '0' }
    const { status, stderr } = digitlab([...args, ...(args[0] === 'evaluate' ? [] : ['--dataset', 'digits'])], none)
    expect(stderr).toContain(`${message}: leave it out, or name cuda to see why it is not available`)
    expect(stderr).not.toContain('epoch 1/')
    expect(status).toBe(1)
  })
})
