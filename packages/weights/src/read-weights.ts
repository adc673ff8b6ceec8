// A file of weights by what it holds, whatever it is called.
import type { WeightsContents } from './contents'
import { readPth, type PthOptions } from './pth'
import { readOnnx, type ReadOnnxOptions } from './read-onnx'
import { readSafetensors } from './read-safetensors'
import { WeightsError } from './weights-error'

/** What is read of a file whose format is not known beforehand. */
export type ReadWeightsOptions = PthOptions & ReadOnnxOptions

type Format = 'safetensors' | 'pth' | 'onnx'

const extensions: Readonly<Record<string, Format>> = {
  safetensors: 'safetensors',
  pth: 'pth',
  pt: 'pth',
  ckpt: 'pth',
  bin: 'pth',
  tar: 'pth',
  onnx: 'onnx',
}

/**
 * Reads weights from a safetensors, a PyTorch or an ONNX file, told apart by their bytes. A file that is none of these is
 * called what it is, where it can be told: a pointer of Git LFS, a web page, an archive.
 *
 * @param name the file's name in error messages; its extension decides where the bytes don't
 * @throws WeightsError if it is not one of them, cut off, damaged or hostile
 */
export const readWeights = (
  bytes: Uint8Array,
  name = 'the file',
  options: ReadWeightsOptions = {},
): WeightsContents => {
  const other = otherFile(bytes)
  if (other !== undefined) throw new WeightsError(`${name} is ${other}`)
  const format = formatOf(bytes) ?? extensions[/\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? '']
  switch (format) {
    case 'safetensors':
      return readSafetensors(bytes, name)
    case 'pth':
      return readPth(bytes, name, options)
    case 'onnx':
      return readOnnx(bytes, name, options)
    default:
      throw new WeightsError(`${name} is not a safetensors, PyTorch or ONNX file: give one of these`)
  }
}

const formatOf = (bytes: Uint8Array): Format | undefined => {
  if (isHeader(bytes)) return 'safetensors'
  const [first, second = 0] = bytes
  if (first === 0x50 && second === 0x4b) return 'pth'
  if (first === 0x80 && second >= 1 && second <= 5) return 'pth'
  // The version of ONNX's form of files, as the first field.
  if (first === 0x08 && second < 0x40) return 'onnx'
  return undefined
}

/** The length of a JSON object and its opening brace. */
const isHeader = (bytes: Uint8Array): boolean =>
  bytes.length > 8 && bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0)

/** What a file is, and what to do, where it is a kind that is often met in place of weights. */
const otherFile = (bytes: Uint8Array): string | undefined => {
  if (bytes.length === 0) return 'empty: get or write it again'
  if (isHeader(bytes)) return undefined
  // Text begins after a byte order mark and blanks, if it is text.
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 512)).replace(/^ï»¿/, '').trimStart().toLowerCase()
  if (start.startsWith('version https://git-lfs'))
    return 'a pointer of Git LFS, not the file itself: fetch it with "git lfs pull"'
  if (/^(<!--[^>]*-->\s*)?<(!doctype|html|head|\?xml)/.test(start))
    return 'a web page, not the file itself: something answered the download with a page; get the file anew'
  if (/^(\{"|\{\s|\[|\{\})/.test(start)) return 'JSON text, not weights: give a file of weights'
  const begins = (...magic: readonly number[]) => magic.every((byte, i) => bytes[i] === byte)
  if (begins(0x1f, 0x8b)) return 'packed with gzip: unpack it first'
  if (begins(0x89, 0x48, 0x44, 0x46)) return 'an HDF5 file, as Keras writes it, which is not read: export it as ONNX'
  if (begins(0x47, 0x47, 0x55, 0x46)) return 'a GGUF file, which is not read: give the safetensors file it was made of'
  if (begins(0x93, 0x4e, 0x55, 0x4d)) return 'an array of NumPy, which is not read: save a safetensors file'
  if (begins(0x89, 0x50, 0x4e, 0x47)) return 'a PNG picture, not weights: give a file of weights'
  if (new TextDecoder('latin1').decode(bytes.subarray(257, 262)) === 'ustar') return 'a tar archive: unpack it first'
  return undefined
}
