// @ts-check
// A data set of more images: repeated in memory, or made as they are asked for where they would take gigabytes.

/** Bytes of pixels: from here on they are made as they are asked for. */
const large = 2 ** 30

/**
 * @param {import('@digitlab/data').Dataset} data
 * @param {number} [count] of training images; its own unless given
 * @param {number} [most] bytes of pixels that are held in memory
 * @returns {import('@digitlab/data').Dataset}
 */
export const grown = (data, count = data.train.count, most = large) => {
  const { images, labels, count: own } = data.train
  if (count === own) return data
  const size = images.length / own
  const copy = (/** @type {number} */ i) => images.subarray((i % own) * size, ((i % own) + 1) * size)
  const grownLabels = Uint8Array.from({ length: count }, (_, i) => labels[i % own] ?? 0)
  if (count * size < most) {
    const all = new Uint8Array(count * size)
    for (let i = 0; i < count; i++) all.set(copy(i), i * size)
    return { ...data, train: { images: all, labels: grownLabels, count } }
  }
  const stream = {
    /** @type {(indices: Int32Array, target: Uint8Array) => void} */
    read(indices, target) {
      indices.forEach((index, i) => target.set(copy(index), i * size))
    },
    close() {},
  }
  return { ...data, train: { images: new Uint8Array(0), labels: grownLabels, count, stream } }
}
