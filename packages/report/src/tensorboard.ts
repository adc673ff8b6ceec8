import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import crc32c from 'crc-32/crc32c.js'

/** What one event of a TensorBoard log holds. */
export type TensorboardValue =
  // a point of a curve
  | { readonly tag: string; readonly scalar: number }
  // a picture
  | { readonly tag: string; readonly png: Uint8Array }

/** Time of an event: seconds since 1970, and the step on TensorBoard's axis. */
export interface TensorboardTime {
  readonly wallTime: number
  readonly step: number
}

/**
 * A record of an event file: its length, a checksum of that, the bytes, a checksum of those; checksums are CRC-32C, turned
 * by 15 bits and shifted as TFRecord wants them.
 *
 * Source: TensorFlow, "TFRecord and tf.train.Example", and tensorflow/core/lib/io/record_writer.cc.
 */
const record = (data: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(8 + 4 + data.length + 4)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, masked(bytes.subarray(0, 8)), true)
  bytes.set(data, 12)
  view.setUint32(12 + data.length, masked(data), true)
  return bytes
}

const masked = (bytes: Uint8Array): number => {
  const crc = crc32c.buf(bytes) >>> 0
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

/** Fields of tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto. */
const event = { wallTime: 1, step: 2, fileVersion: 3, summary: 5 } as const
const summary = { value: 1 } as const
const value = { tag: 1, simpleValue: 2, image: 4 } as const
const image = { height: 1, width: 2, colorspace: 3, encoded: 4 } as const
const rgba = 4

const eventOf = ({ wallTime, step }: TensorboardTime, rest: (writer: BinaryWriter) => void): Uint8Array => {
  const writer = new BinaryWriter()
  writer.tag(event.wallTime, WireType.Bit64).double(wallTime)
  writer.tag(event.step, WireType.Varint).int64(step)
  rest(writer)
  return record(writer.finish())
}

/**
 * The start of an event file. The file's name must hold `tfevents`, as in `events.out.tfevents.1700000000.host`.
 *
 * @param wallTime seconds since 1970
 */
export const tensorboardHeader = (wallTime: number): Uint8Array =>
  eventOf({ wallTime, step: 0 }, (writer) =>
    writer.tag(event.fileVersion, WireType.LengthDelimited).string('brain.Event:2'),
  )

/** An event, to be appended to the file: numbers and pictures of one step. */
export const tensorboardEvent = (time: TensorboardTime, values: readonly TensorboardValue[]): Uint8Array =>
  eventOf(time, (writer) => {
    writer.tag(event.summary, WireType.LengthDelimited).fork()
    for (const held of values) {
      writer.tag(summary.value, WireType.LengthDelimited).fork()
      writer.tag(value.tag, WireType.LengthDelimited).string(held.tag)
      if ('scalar' in held) writer.tag(value.simpleValue, WireType.Bit32).float(Math.fround(held.scalar))
      else {
        writer.tag(value.image, WireType.LengthDelimited).fork()
        // The size stands in the PNG's first chunk: its width at byte 16, its height at byte 20.
        const view = new DataView(held.png.buffer, held.png.byteOffset, held.png.byteLength)
        writer.tag(image.height, WireType.Varint).uint32(view.getUint32(20))
        writer.tag(image.width, WireType.Varint).uint32(view.getUint32(16))
        writer.tag(image.colorspace, WireType.Varint).int32(rgba)
        writer.tag(image.encoded, WireType.LengthDelimited).bytes(held.png)
        writer.join()
      }
      writer.join()
    }
    writer.join()
  })
