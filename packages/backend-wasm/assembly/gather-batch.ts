// Gathers a batch from images and labels that stay resident: images[i] = bytes[order[start + i]] / 255,
// labels[i] = allLabels[order[start + i]]. The division is float32's own, so that each pixel is torchvision's to the bit.
// An index that points past the images makes an image of NaN with the label -1.
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.

/**
 * Images whose bytes come from memory at a time: so many, or fewer where they are large. Found by timing 1 to 64 on shuffled batches of
 * MNIST: 23 us with 1, 15 with 16 or more. A large image is a stream that the processor fetches ahead by itself.
 */
const mostAhead: usize = 16
const bytesAhead: usize = 16384

/**
 * Reads a word of each line of some images, so that they come from memory together and not one after another: a batch is drawn from all
 * images, which no cache holds, and WebAssembly has no prefetch.
 */
@inline
function fetchLines(
  bytes: usize,
  allLabels: usize,
  count: u32,
  order: usize,
  pixels: usize,
  first: i32,
  last: i32,
): void {
  let sum: u64 = 0
  for (let i = first; i < last; i++) {
    const index = load<u32>(order + (<usize>i << 2))
    if (index >= count || pixels < 4) continue
    const from = bytes + <usize>index * pixels
    const end = from + pixels - 4
    for (let at = from; at < end; at += 64) sum += load<u32>(at)
    sum += <u64>load<u32>(end) + <u64>load<u32>(allLabels + (<usize>index << 2))
  }
  // Never: it keeps the loads, whose values nobody needs.
  if (sum == u64.MAX_VALUE) unreachable()
}

/**
 * @param count of the images
 * @param order address of the batch's first index, int32
 * @param pixels bytes of one image
 * @param first, last images of the batch: first .. last - 1
 */
export function gatherBatch(
  bytes: usize,
  allLabels: usize,
  count: u32,
  order: usize,
  pixels: usize,
  images: usize,
  labels: usize,
  _room: usize,
  first: i32,
  last: i32,
): void {
  const zero = f32x4.splat(0)
  const most = f32x4.splat(255)
  const ahead = <i32>min(mostAhead, bytesAhead / max(pixels, 1))
  images += <usize>first * (pixels << 2)
  for (let i = first; i < last; i++) {
    if (ahead > 1 && (i - first) % ahead == 0)
      fetchLines(bytes, allLabels, count, order, pixels, i, min(i + ahead, last))
    const index = load<u32>(order + (<usize>i << 2))
    if (index >= count) {
      store<i32>(labels + (<usize>i << 2), -1)
      for (const end = images + (<usize>pixels << 2); images < end; images += 4) store<f32>(images, NaN)
      continue
    }
    store<i32>(labels + (<usize>i << 2), load<i32>(allLabels + (<usize>index << 2)))
    let from = bytes + <usize>index * pixels
    const end = from + pixels
    for (; from + 16 <= end; from += 16, images += 64) {
      const sixteen = v128.load(from)
      if (v128.any_true(sixteen)) {
        const low = i16x8.extend_low_i8x16_u(sixteen)
        const high = i16x8.extend_high_i8x16_u(sixteen)
        v128.store(images, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(low)), most))
        v128.store(images, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(low)), most), 16)
        v128.store(images, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(high)), most), 32)
        v128.store(images, f32x4.div(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(high)), most), 48)
      } else {
        // Four of five of MNIST's pixels are black, and they lie together.
        v128.store(images, zero)
        v128.store(images, zero, 16)
        v128.store(images, zero, 32)
        v128.store(images, zero, 48)
      }
    }
    for (; from < end; from++, images += 4) store<f32>(images, <f32>load<u8>(from) / 255)
  }
}

/** The same with (pixel - mean) / std in place of each pixel, both in float32, as torchvision's Normalize. */
export function gatherNormalized(
  bytes: usize,
  allLabels: usize,
  count: u32,
  order: usize,
  pixels: usize,
  images: usize,
  labels: usize,
  mean: f32,
  std: f32,
  _room: usize,
  first: i32,
  last: i32,
): void {
  gatherBatch(bytes, allLabels, count, order, pixels, images, labels, 0, first, last)
  const means = f32x4.splat(mean)
  const stds = f32x4.splat(std)
  const end = images + ((<usize>last * pixels) << 2)
  images += (<usize>first * pixels) << 2
  for (; images + 16 <= end; images += 16)
    v128.store(images, f32x4.div(f32x4.sub(v128.load(images), means), stds))
  for (; images < end; images += 4) store<f32>(images, (load<f32>(images) - mean) / std)
}
