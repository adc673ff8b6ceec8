// What pixels are brought to before the first layer, and how a file says so.

/** (pixel - mean) / std of pixels from 0 to 1, as torchvision's `Normalize` of one channel. */
export interface Normalization {
  readonly mean: number
  readonly std: number
}

/**
 * What a file's metadata say of the images that its weights were trained on.
 *
 * @returns undefined if they say nothing, or something of another form: metadata are anybody's
 */
export const normalizationIn = (metadata: ReadonlyMap<string, string>): Normalization | undefined => {
  let said: unknown
  try {
    said = JSON.parse(metadata.get('normalize') ?? 'null')
  } catch {
    return undefined
  }
  if (typeof said !== 'object' || said === null) return undefined
  const { mean, std } = said as Partial<Record<keyof Normalization, unknown>>
  const sound = typeof mean === 'number' && typeof std === 'number' && Number.isFinite(mean) && std > 0
  return sound && Number.isFinite(std) ? { mean, std } : undefined
}
