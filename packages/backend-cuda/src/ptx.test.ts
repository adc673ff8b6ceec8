// The PTX that is committed is the sources', and what it asks for is what the package says.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { clangVersion, compile, hashOfSources, targets } from '../scripts/compile-kernels.mjs'
import { kernelsOf, readPtx } from './ptx'

const root = fileURLToPath(new URL('..', import.meta.url))
const has = (program: string) => spawnSync(program, ['--version']).status === 0
const everything = process.env['DIGITLAB_ALL'] === '1'
const oneTarget = `compilers take seconds: npm test -- --all has them compile more than ${targets[0]?.name}.ptx, for one GPU`

describe.each(targets)('$name.ptx', (target) => {
  const compiled = everything || target === targets[0]
  const text = readFileSync(`${root}/ptx/${target.name}.ptx`, 'utf8')

  test('was made from the sources as they are', () => {
    expect(text.split('\n', 1)[0]).toContain(`sources ${hashOfSources()}`)
  })

  test('asks for no newer driver and no newer GPU than the README says', () => {
    expect(text).toMatch(/^\.version 7\.0$/m)
    expect(text).toMatch(new RegExp(`^\\.target sm_${target.capability}$`, 'm'))
  })

  test('is what its compiler makes of them', (context) => {
    if (!compiled) return context.skip(oneTarget)
    const version = /with clang ([\d.]+);/.exec(text)?.[1]
    const here = clangVersion()
    if (here !== version)
      return context.skip(`clang ${version} is not here, ${here ?? 'nor any other that writes PTX'}`)
    expect(compile(target) === text).toBe(true)
  })

  test('has no atomic additions: the bits are the same every time', () => {
    expect(text).not.toMatch(/\b(atom|red)\./)
  })

  test('assembles for the H100, and with --all for the oldest and newest GPUs that ptxas knows', (context) => {
    if (!compiled) return context.skip(oneTarget)
    if (!has('ptxas')) return context.skip('ptxas of the CUDA toolkit is not here')
    for (const generation of (everything ? [75, 90, 120] : [90]).filter((n) => n >= Number(target.capability))) {
      const { status, stderr } = spawnSync('ptxas', [`-arch=sm_${generation}`, '-', '-o', '/dev/null'], {
        input: text,
        encoding: 'utf8',
      })
      expect([generation, status, stderr]).toEqual([generation, 0, ''])
    }
  }, 120_000)

  test('nvcc compiles the same kernels with the same parameters', (context) => {
    if (!everything) return context.skip(oneTarget)
    if (!has('nvcc')) return context.skip('nvcc of the CUDA toolkit is not here')
    const folder = mkdtempSync(join(tmpdir(), 'digitlab-nvcc-'))
    try {
      const capability = Math.max(75, Number(target.capability)) // the oldest that nvcc 13 knows
      const args = ['-ptx', '--fmad=false', '-std=c++17', `-arch=compute_${capability}`]
      const made = join(folder, 'made.ptx')
      const { status, stderr } = spawnSync('nvcc', [...args, '-o', made, target.source], {
        cwd: root,
        encoding: 'utf8',
      })
      expect([status, stderr]).toEqual([0, ''])
      const sorted = (ptx: string) => [...kernelsOf(ptx)].sort(([a], [b]) => a.localeCompare(b))
      expect(sorted(readFileSync(made, 'utf8'))).toEqual(sorted(text))
    } finally {
      rmSync(folder, { recursive: true })
    }
  }, 120_000)
})

test('the parameters of a kernel are read with their places', () => {
  const text = `.visible .entry f(
	.param .u64 f_param_0,
	.param .u32 f_param_1,
	.param .f64 f_param_2,
	.param .align 8 .b8 f_param_3[20],
	.param .align 4 .b8 f_param_4[8],
	.param .f32 f_param_5
)
`
  expect(kernelsOf(text).get('f')).toEqual({
    parameters: [
      { type: 'u64', offset: 0, size: 8 },
      { type: 'u32', offset: 8, size: 4 },
      { type: 'f64', offset: 16, size: 8 },
      { type: 'bytes', offset: 24, size: 20 },
      { type: 'bytes', offset: 44, size: 8 },
      { type: 'f32', offset: 52, size: 4 },
    ],
    size: 56,
  })
  expect(kernelsOf('.entry g(\n.param .u64 .ptr .global g_0\n)').size).toBe(1)
  expect(readPtx('kernels').kernels.size).toBeGreaterThan(30)
})
