import { formatOf, isZip } from './array-formats'

/** Names of arrays that are images or labels, as they stand in a header. */
const imagesOrLabels = /"(x|y|images?|labels?|[xy]_(train|test)|(train|test)_(images|labels))"/

/**
 * The format of a file that holds a data set, or a part of one, by its first 512 bytes; undefined of IDX, of gzip, of weights, which may
 * lie in a zip archive or safetensors as well, and of anything else.
 */
export const dataFormatOf = async (beginning: Uint8Array): Promise<string | undefined> => {
  const text = String.fromCharCode(...beginning.subarray(0, 512))
  if (isZip(beginning)) {
    const length = (beginning[26] ?? 0) + 256 * (beginning[27] ?? 0)
    const first = text.slice(30, 30 + length)
    if (first === '') return undefined
    // torch.save begins with name/data.pkl, or with name/.format_version and the like.
    if (/(^|\/)(data\.pkl|metadata\.json|config\.json|byteorder|version|\.[\w]+|\.data\/.*)$/.test(first))
      return undefined
    return first.endsWith('.npy') ? 'NumPy (.npz)' : 'zip'
  }
  const format = await formatOf(beginning)
  if (format?.name === 'safetensors' && !imagesOrLabels.test(text)) return undefined
  return format?.name
}
