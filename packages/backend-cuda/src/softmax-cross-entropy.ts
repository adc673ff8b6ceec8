import { defineKernel } from './kernel'

/** Kernel: `cuda/softmax-cross-entropy.cu`; contract: `softmaxCrossEntropy` of @digitlab/ops. */
export const softmaxCrossEntropy = defineKernel(
  'DigitlabSoftmaxCrossEntropy',
  (tensors, { logits, labels }, { scale, smoothing }, { batch, classes }) => {
    const summary = tensors.output([2], 'float32')
    const dLogits = tensors.output(logits.shape, 'float32')
    tensors.device.launch({
      kernel: 'softmaxCrossEntropy',
      blocks: [1],
      threads: 1024,
      arguments: [
        ...[logits, labels, summary, dLogits].map((t) => tensors.address(t)),
        batch,
        classes,
        scale,
        smoothing,
      ],
    })
    return { summary, dLogits }
  },
)
