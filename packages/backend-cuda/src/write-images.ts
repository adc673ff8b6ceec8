import { defineKernel } from './kernel'

/** Up to this much is copied to where the GPU takes it when the stream has come so far; more would be waited for (`device.upload`). */
const piece = 64 * 1024

/** Contract: `writeImages` of @digitlab/ops. The copies wait their turn on the stream: steps before them read what was there. */
export const writeImages = defineKernel('DigitlabWriteImages', (tensors, { images }, { bytes }, { offset }) => {
  tensors.transfers++
  const address = tensors.address(images) + offset
  for (let from = 0; from < bytes.length; from += piece)
    tensors.device.upload(address + from, bytes.subarray(from, from + piece))
  return {}
})
