import type { StateDict } from '@digitlab/models'
import { entryBytes } from './element-types'
import { checkSizes } from './shape'
import { WeightsError } from './weights-error'

/** What a file says beside its weights. */
export interface MetadataOptions {
  /** Strings by name, as `weightsMetadata` makes them: safetensors has them as `__metadata__`, `model.json` as `userDefinedMetadata`. */
  readonly metadata?: Readonly<Record<string, string>>
}

/**
 * Writes a state dict as a safetensors file: the length of the header, the header as JSON (padded with spaces so that the
 * data start at a multiple of 8), the values of each entry in the order of the Map. The same input gives the same bytes.
 *
 * Source: the format's description at Hugging Face, safetensors 0.4.
 *
 * @throws WeightsError if an entry's values are not as many as its shape has places
 */
export const writeSafetensors = (weights: StateDict, { metadata = {} }: MetadataOptions = {}): Uint8Array => {
  checkSizes(weights)
  // The header is put together by hand: an object would move names that look like numbers to the front.
  const parts = Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : []
  let offset = 0
  for (const [name, { shape, data, dtype }] of weights) {
    if (name === '__metadata__')
      throw new WeightsError('an entry cannot be called "__metadata__", which the format keeps for itself: rename it')
    const end = offset + (dtype === 'int64' ? 8 : 4) * data.length
    const entry = { dtype: dtype === 'int64' ? 'I64' : 'F32', shape, data_offsets: [offset, end] }
    parts.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`)
    offset = end
  }
  const json = new TextEncoder().encode(`{${parts.join(',')}}`)
  const headerBytes = Math.ceil(json.length / 8) * 8
  const bytes = new Uint8Array(8 + headerBytes + offset)
  bytes.fill(0x20, 8, 8 + headerBytes)
  bytes.set(json, 8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true)
  let at = 8 + headerBytes
  for (const entry of weights.values()) {
    const values = entryBytes(entry)
    bytes.set(values, at)
    at += values.length
  }
  return bytes
}
