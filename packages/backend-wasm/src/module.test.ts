import { describe, expect, test } from 'vitest'
import { chooseSimd, compileKernels, hasRelaxedSimd, hasSimd, kernelNames } from './module'
import { base64 as plain } from './generated/plain'
import { base64 as relaxed } from './generated/relaxed'

/** The ids of a module's sections, in their order. */
const sections = (bytes: Uint8Array): number[] => {
  const ids: number[] = []
  for (let at = 8; at < bytes.length;) {
    ids.push(bytes[at++] ?? NaN)
    let size = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0
      size |= (byte & 127) << shift
      if (byte < 128) break
    }
    at += size
  }
  return ids
}

describe.each([
  { simd: 'plain', base64: plain },
  { simd: 'relaxed', base64: relaxed },
] as const)('the $simd module', ({ simd, base64 }) => {
  test('imports a memory and nothing else', async () => {
    const { module } = await compileKernels(simd)
    for (const shared of [true, false])
      expect(WebAssembly.Module.imports(module(shared))).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }])
  })
  test('brings no memory, no table, no start function and no data, which would lie over those of tfjs', () => {
    const [table, memory, start, elements, data, dataCount] = [4, 5, 8, 9, 11, 12]
    const found = sections(Uint8Array.from(Buffer.from(base64, 'base64')))
    expect(found).toContain(10) // code: the parsing above works
    for (const id of [table, memory, start, elements, data, dataCount]) expect(found).not.toContain(id)
  })
})

test('the flavour that was asked for is the one chosen', () => {
  expect(hasSimd()).toBe(true)
  expect(chooseSimd('plain')).toBe('plain')
  expect(chooseSimd('auto')).toBe(hasRelaxedSimd() ? 'relaxed' : 'plain')
})

test('every export has its name in the list that threads number them by', async () => {
  const { module } = await compileKernels('plain')
  const exports = WebAssembly.Module.exports(module(false)).map(({ name }) => name)
  expect(exports.sort()).toEqual([...kernelNames].sort())
})
