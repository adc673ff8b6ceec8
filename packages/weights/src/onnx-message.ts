// One message of a protobuf file, as far as its fields are asked for.
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import type { Budget, Fail } from './failing'
import { WeightsError } from './weights-error'

/** What opens messages of one file. */
export interface Reading {
  readonly fail: Fail
  readonly unsupported: Fail
  readonly budget: Budget
}

/** What a kept field takes beside its bytes, which stay where they are. */
const fieldCost = 160
const numberCost = 24

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** For each field that was asked for its values in their order, numbers or bytes. */
export class Message {
  readonly #fields = new Map<number, (number | Uint8Array)[]>()

  /** Reads one message, without looking into those that it holds. Fields of other numbers are skipped. */
  constructor(
    bytes: Uint8Array,
    fields: Readonly<Record<string, number>>,
    private readonly reading: Reading,
  ) {
    const { fail, budget } = reading
    const wanted = new Set(Object.values(fields))
    budget.spend(2 * fieldCost)
    try {
      const reader = new BinaryReader(bytes)
      while (reader.pos < reader.len) {
        const [number, wireType] = reader.tag()
        if (wireType === WireType.StartGroup || wireType === WireType.EndGroup)
          return fail(`a field in it has the wire type ${wireType}`)
        if (!wanted.has(number)) reader.skip(wireType)
        else if (wireType === WireType.LengthDelimited) this.#put(number, reader.bytes(), fieldCost)
        else this.#put(number, numberOf(reader, wireType), numberCost)
      }
      if (reader.pos !== bytes.length) fail(`a message in it ends at byte ${reader.pos}, expected ${bytes.length}`)
    } catch (cause) {
      if (cause instanceof WeightsError) throw cause
      fail(`it is cut off or damaged (${(cause as Error).message})`, cause)
    }
  }

  #put(number: number, value: number | Uint8Array, cost: number) {
    this.reading.budget.spend(cost)
    const values = this.#fields.get(number)
    if (values) values.push(value)
    else this.#fields.set(number, [value])
  }

  has(field: number): boolean {
    return this.#fields.has(field)
  }

  /** All messages, texts or packed lists of a field. */
  all(field: number): Uint8Array[] {
    return (this.#fields.get(field) ?? []).filter((value) => value instanceof Uint8Array)
  }

  /** The last one counts where a field that stands once stands several times. */
  last(field: number): Uint8Array | undefined {
    return this.all(field).at(-1)
  }

  number(field: number): number | undefined {
    const value = this.#fields.get(field)?.at(-1)
    return typeof value === 'number' ? value : undefined
  }

  text(field: number): string {
    return this.#decoded(this.last(field))
  }

  texts(field: number): string[] {
    return this.all(field).map((bytes) => this.#decoded(bytes))
  }

  #decoded(bytes: Uint8Array | undefined): string {
    this.reading.budget.spend(2 * (bytes?.length ?? 0))
    try {
      return utf8.decode(bytes)
    } catch (cause) {
      return this.reading.fail('a name in it is not UTF-8', cause)
    }
  }

  /**
   * Goes over a repeated number: packed into bytes, or each a field of its own.
   *
   * @param most so many at most, so that a list can't grow past what it is for
   * @returns how many there were
   */
  each(
    field: number,
    read: (reader: BinaryReader) => number,
    most: number,
    put: (index: number, value: number) => void,
  ): number {
    const { fail } = this.reading
    let count = 0
    const take = (value: number) => {
      if (count === most) fail(`a list of numbers in it has more than the ${most} that it may have`)
      put(count++, value)
    }
    for (const value of this.#fields.get(field) ?? []) {
      if (typeof value === 'number') {
        take(value)
        continue
      }
      const reader = new BinaryReader(value)
      try {
        while (reader.pos < reader.len) take(read(reader))
      } catch (cause) {
        if (cause instanceof WeightsError) throw cause
        fail(`a list of numbers in it is cut off (${(cause as Error).message})`, cause)
      }
    }
    return count
  }

  /** A short list of numbers. */
  numbers(field: number, read: (reader: BinaryReader) => number, most = 64): number[] {
    const values: number[] = []
    this.each(field, read, most, (_, value) => values.push(value))
    return values
  }
}

const numberOf = (reader: BinaryReader, wireType: WireType): number => {
  if (wireType === WireType.Varint) return Number(reader.int64())
  return wireType === WireType.Bit32 ? reader.float() : reader.double()
}

export const int64 = (reader: BinaryReader): number => Number(reader.int64())
export const float = (reader: BinaryReader): number => reader.float()
export const double = (reader: BinaryReader): number => reader.double()
