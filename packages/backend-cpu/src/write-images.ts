import { defineKernel } from './kernel'

/** Contract: `writeImages` of @digitlab/ops. */
export const writeImages = defineKernel('DigitlabWriteImages', ({ values }, { images }, { bytes }, { offset }) => {
  values<Uint8Array>(images).set(bytes, offset)
  return {}
})
