// Sound files, damaged at random and read in a process of their own: a reader that goes round for ever then fails its test, which names
// the file, and does not keep the tests busy.
import fc from 'fast-check'
import { expect } from 'vitest'
import { expectBounded, type HostileReader } from './hostile'

const strange = [0, 1, 2, 127, 128, 255, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 16_384, 65_535]

const damage = fc.record({
  // the first bytes, where headers are, and the last, where directories are, as often as all the others
  at: fc.oneof(
    fc.nat(64),
    fc.nat(64).map((back) => -1 - back),
    fc.nat(2 ** 20),
  ),
  kind: fc.constantFrom('byte', 'byte', 'byte', 'u16le', 'u16be', 'u32le', 'u32be', 'cut', 'twice', 'taken'),
  value: fc.oneof(fc.constantFrom(...strange), fc.nat(0xffffffff)),
})

const damaged = (file: Uint8Array, damages: readonly { at: number; kind: string; value: number }[]): Buffer => {
  let bytes: Buffer = Buffer.from(file)
  for (const { at, kind, value } of damages) {
    const length = Math.max(1, bytes.length)
    const place = ((at % length) + length) % length
    if (kind === 'cut') bytes = bytes.subarray(0, place)
    else if (kind === 'twice') bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(place >> 1)])
    else if (kind === 'taken')
      bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1 + (value % 32))])
    else if (kind === 'byte') bytes[place] = value & 255
    else if (place + 4 <= bytes.length) {
      if (kind === 'u16le') bytes.writeUInt16LE(value & 0xffff, place)
      if (kind === 'u16be') bytes.writeUInt16BE(value & 0xffff, place)
      if (kind === 'u32le') bytes.writeUInt32LE(value, place)
      if (kind === 'u32be') bytes.writeUInt32BE(value, place)
    }
  }
  return bytes
}

/** A file to be read, and how it was made. */
export interface Made {
  readonly how: string
  readonly bytes: Uint8Array
}

/** What is made at random is made of this; `DIGITLAB_SEED` makes the same again. */
const seed = Number(process.env['DIGITLAB_SEED'] ?? Date.now() % 2 ** 31)

/** Files made at random. */
export const madeFiles = (what: string, file: fc.Arbitrary<Uint8Array>, count: number): readonly Made[] =>
  fc.sample(file, { numRuns: count, seed }).map((bytes, i) => ({ how: `${what} ${i} of seed ${seed}`, bytes }))

/**
 * Sound files, each damaged in one to four places.
 *
 * @param files by name
 * @param resealed makes checksums right again; every other file is left without
 */
export const damagedFiles = (
  files: Readonly<Record<string, Uint8Array>>,
  count: number,
  resealed?: (file: Buffer) => Uint8Array,
): readonly Made[] => {
  const one = fc.tuple(fc.constantFrom(...Object.keys(files)), fc.array(damage, { minLength: 1, maxLength: 4 }))
  return fc.sample(one, { numRuns: count, seed }).map(([name, damages], i) => {
    const bytes = damaged(files[name] ?? new Uint8Array(), damages)
    const how = `damaged file ${i} of seed ${seed}, ${name} after ${JSON.stringify(damages)}`
    return { how, bytes: resealed && i % 2 === 1 ? resealed(bytes) : bytes }
  })
}

/**
 * Holds a reader to what every reader of a stranger's files is held to: a result or a sentence, in bounded time and memory. Where one is
 * none, or does not come, the error says how the file was made, and has its bytes if they are few.
 *
 * @param asked bytes that a header may honestly ask for
 */
export const expectReadOrRefused = async (reader: HostileReader, files: readonly Made[], asked = 0): Promise<void> => {
  const readings = await reader.readMany(files.map(({ bytes }) => bytes))
  files.slice(0, readings.length).forEach(({ how, bytes }, i) => {
    const reading = readings[i]
    if (!reading) return
    try {
      expectBounded(reading, bytes, asked)
    } catch (cause) {
      const content = bytes.length > 4096 ? '' : `\n${Buffer.from(bytes).toString('base64')}`
      throw new Error(`${how}: ${cause instanceof Error ? cause.message : String(cause)}${content}`, { cause })
    }
  })
  expect(readings.length).toBe(files.length)
}
