import { defineKernel } from './kernel'

/** Kernel: `assembly/softmax-cross-entropy.ts`; contract: `softmaxCrossEntropy` of @digitlab/ops. */
export const softmaxCrossEntropy = defineKernel(
  'DigitlabSoftmaxCrossEntropy',
  ({ address, output, scratch, share }, { logits, labels }, { scale, smoothing }, { batch, classes }) => {
    const summary = output([2], 'float32')
    const dLogits = output(logits.shape, 'float32')
    // An area of its own: the rows are summed up while other threads compute what comes next.
    const losses = scratch(12 * batch, 'losses')
    const right = losses + 8 * batch
    const rows = [address(logits), address(labels), classes, scale, smoothing, losses, right, address(dLogits)] as const
    share('softmaxCrossEntropyRows', { items: batch, grain: 4, room: 16 * Math.ceil(classes / 2) }, ...rows)
    share('softmaxCrossEntropySummary', { items: 1, waits: false }, losses, right, batch, scale, address(summary))
    return { summary, dLogits }
  },
)
