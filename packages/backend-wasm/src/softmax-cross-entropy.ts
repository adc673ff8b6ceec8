import { defineKernel } from './kernel'

/** Kernel: `assembly/softmax-cross-entropy.ts`; contract: `softmaxCrossEntropy` of @digitlab/ops. */
export const softmaxCrossEntropy = defineKernel(
  'DigitlabSoftmaxCrossEntropy',
  ({ address, output, scratch, kernels }, { logits, labels }, { scale, smoothing }, { batch, classes }) => {
    const summary = output([2], 'float32')
    const dLogits = output(logits.shape, 'float32')
    const outputs = [address(summary), address(dLogits), scratch(8 * classes)] as const
    kernels.softmaxCrossEntropy(address(logits), address(labels), batch, classes, scale, ...outputs, smoothing)
    return { summary, dLogits }
  },
)
