import { defineKernel } from './kernel'

/** Contract: `writeImages` of @digitlab/ops. The bytes go where the images lie, by the host. */
export const writeImages = defineKernel(
  'DigitlabWriteImages',
  ({ address, memory }, { images }, { bytes }, { offset }) => {
    new Uint8Array(memory.buffer, address(images) + offset, bytes.length).set(bytes)
    return {}
  },
)
