import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { asPart, markedPart } from '../packages/marked-part'
import { gpuTable, type GpuResult } from './table'

const path = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url))

test('the README says of the GPU what was measured', async () => {
  const result = JSON.parse(readFileSync(path('tooling/gpu/results.json'), 'utf8')) as GpuResult
  const readme = path('README.md')
  const { part } = markedPart(readFileSync(readme, 'utf8'), 'gpu', 'npx tsx tooling/gpu/publish.ts')
  expect(part).toBe(await asPart(gpuTable(result)))
})

test('a check that did not hold is named', () => {
  const result: GpuResult = {
    ...{ gpu: 'NVIDIA X', driver: '1', processor: 'P', torch: '2', node: '20', commit: 'abc', date: '2026-01-01' },
    ...{ rounds: 1, epochs: 3, comparison: '3 models', recipes: { champion: '99 %' } },
    seconds: { digitlab: { cnn: [0.1, 0.1] }, 'PyTorch eager': { cnn: [1, 1] }, 'PyTorch CUDA graph': {} },
    checks: [
      { name: 'conformance', held: true },
      { name: 'parity cnn', held: false },
    ],
  }
  const text = gpuTable(result)
  expect(text).toContain('| cnn | 0.1 | 1 | - | 10 | - |')
  expect(text).toContain('1 of 2 held, not parity cnn')
})
