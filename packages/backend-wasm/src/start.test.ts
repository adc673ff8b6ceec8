import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fill, matMul, memory, setBackend, tensor, zeros, type Rank } from '@tensorflow/tfjs-core'
import { afterEach, describe, expect, test } from 'vitest'
import { whyNoWasm } from './wasm-file'
import { wasmBackend } from './index'

describe('start', () => {
  test('leaves the process with the listeners that it had, and with what the program added meanwhile', async () => {
    const listeners = () => [process.listeners('unhandledRejection'), process.listeners('uncaughtException')] as const
    const [rejections, exceptions] = listeners()
    const starting = wasmBackend().start()
    const own = (reason: unknown) => void reason
    const thrower = () => {
      throw new Error('the program ends on purpose')
    }
    process.on('unhandledRejection', own)
    process.on('uncaughtException', thrower)
    try {
      await starting
      expect(listeners()).toEqual([
        [...rejections, own],
        [...exceptions, thrower],
      ])
    } finally {
      process.off('unhandledRejection', own)
      process.off('uncaughtException', thrower)
    }
  })
})

describe('a tensor of 2^32 bytes or more', () => {
  test.each([
    ['one of ones', () => fill([65536, 16384], 1)],
    ['the product of two that are small', () => matMul(zeros<Rank.R2>([65536, 1]), zeros<Rank.R2>([1, 16384]))],
    ['one far beyond', () => fill([2 ** 30, 2 ** 20], 1)],
  ])('%s is refused in words, and nothing is left of it', async (_, make) => {
    await setBackend('wasm')
    const before = memory().numTensors
    const kept = tensor([1, 2, 3])
    expect(make).toThrow(/WebAssembly has no memory left for \d+ bytes \(it holds at most 4294967296\)/)
    expect(Array.from(await kept.data())).toEqual([1, 2, 3])
    kept.dispose()
    expect(memory().numTensors - before).toBeLessThanOrEqual(2) // the factors
  })
})

describe('why a page has no WebAssembly', () => {
  const closing: (() => void)[] = []
  afterEach(() => closing.splice(0).forEach((close) => close()))

  const serve = async (status: number, type: string, body: string | Uint8Array): Promise<string> => {
    const server = createServer((_, response) => void response.writeHead(status, { 'content-type': type }).end(body))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => server.close())
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/tfjs.wasm`
  }

  test('an address that answers 404', async () => {
    const url = await serve(404, 'text/plain', 'no')
    expect(await whyNoWasm(url, '4.22.0')).toMatch(`${url} answers 404 Not Found: check that you are online`)
  })
  test('a page in its place', async () => {
    const url = await serve(200, 'text/html; charset=utf-8', '<!doctype html>')
    expect(await whyNoWasm(url, '4.22.0')).toMatch(`${url} gives no WebAssembly but 15 bytes of text/html: `)
  })
  test('nobody there', async () => {
    expect(await whyNoWasm('http://127.0.0.1:1/x.wasm', '4.22.0')).toMatch(
      /^http:\/\/127\.0\.0\.1:1\/x\.wasm cannot be reached/,
    )
  })
  test('a module: the cause is another', async () => {
    const url = await serve(200, 'application/wasm', Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))
    expect(await whyNoWasm(url, '4.22.0')).toBeUndefined()
  })
  test('Node, which reads a file', async () => {
    expect(await whyNoWasm(undefined, '4.22.0')).toBeUndefined()
  })
})
