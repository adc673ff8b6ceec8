import { describe, expect, test } from 'vitest'
import { figurePng } from './node'
import { tensorboardEvent, tensorboardHeader } from './tensorboard'

/** CRC-32C bit by bit, as its polynomial says: slow, and not the way that the writer takes. */
const crc32c = (bytes: Uint8Array): number => {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

const unmasked = (masked: number): number => {
  const turned = (masked - 0xa282ead8) >>> 0
  return ((turned >>> 17) | (turned << 15)) >>> 0
}

/** The records of an event file, their checksums checked. */
const records = (file: Uint8Array): Uint8Array[] => {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const found: Uint8Array[] = []
  for (let at = 0; at < file.length;) {
    const length = Number(view.getBigUint64(at, true))
    expect(unmasked(view.getUint32(at + 8, true))).toBe(crc32c(file.subarray(at, at + 8)))
    const data = file.subarray(at + 12, at + 12 + length)
    expect(unmasked(view.getUint32(at + 12 + length, true))).toBe(crc32c(data))
    found.push(data)
    at += 16 + length
  }
  return found
}

type Field = readonly [number: number, value: Uint8Array | bigint]

/** A protobuf message by the rules of the wire format alone. */
const fields = (bytes: Uint8Array): Field[] => {
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const found: Field[] = []
  while (at < bytes.length) {
    const tag = Number(varint())
    if ((tag & 7) === 0) found.push([tag >> 3, varint()])
    else {
      const length = { 1: 8, 5: 4 }[tag & 7] ?? Number(varint())
      found.push([tag >> 3, bytes.subarray(at, (at += length))])
    }
  }
  return found
}

const bytesOf = (message: readonly Field[], number: number): Uint8Array => {
  const value = message.find(([known]) => known === number)?.[1]
  if (!(value instanceof Uint8Array)) throw new Error(`no field ${number}`)
  return value
}

const double = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true)
const float = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true)
const words = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

describe('an event file', () => {
  test('begins with its version', () => {
    const [first] = records(tensorboardHeader(1.5)).map(fields)
    expect(double(bytesOf(first ?? [], 1))).toBe(1.5)
    expect(words(bytesOf(first ?? [], 3))).toBe('brain.Event:2')
  })

  test('holds numbers and pictures with their steps', async () => {
    const png = await figurePng(
      '<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2"><rect width="3" height="2"/></svg>',
      { scale: 1 },
    )
    const file = tensorboardEvent({ wallTime: 1_700_000_000.25, step: 4690 }, [
      { tag: 'loss/test', scalar: 0.25 },
      { tag: 'grid', png },
      { tag: 'wild', scalar: NaN },
      { tag: 'huge', scalar: 1e300 },
    ])
    const [event] = records(file).map(fields)
    expect(double(bytesOf(event ?? [], 1))).toBe(1_700_000_000.25)
    expect(event?.find(([number]) => number === 2)?.[1]).toBe(4690n)
    const [loss, grid, wild, huge] = fields(bytesOf(event ?? [], 5)).map(([, value]) => fields(value as Uint8Array))
    expect([words(bytesOf(loss ?? [], 1)), float(bytesOf(loss ?? [], 2))]).toEqual(['loss/test', 0.25])
    const image = fields(bytesOf(grid ?? [], 4))
    expect(image.slice(0, 3)).toEqual([
      [1, 2n],
      [2, 3n],
      [3, 4n],
    ])
    expect(bytesOf(image, 4)).toEqual(png)
    expect(float(bytesOf(wild ?? [], 2))).toBeNaN()
    expect(float(bytesOf(huge ?? [], 2))).toBe(Infinity)
  })
})
