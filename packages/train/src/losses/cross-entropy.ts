// Indices run over the classes of one image: each `!` is in range.
import { number } from '@digitlab/models'
import { defineLoss } from '../loss-type'

/**
 * Mean cross-entropy of the softmax, in nats, as PyTorch's `nn.CrossEntropyLoss`. Labels are smoothed while it is trained; an evaluation
 * tells the cross-entropy of the labels as they are, so that runs compare.
 */
export const crossEntropy = defineLoss({
  name: 'crossEntropy',
  says: 'mean cross-entropy of the softmax, in nats',
  options: {
    labelSmoothing: number({
      from: 0,
      to: 1,
      optional: true,
      absent: 0,
      says: 'share of each label that is spread over all classes',
    }),
  },
  loss: ({ ops }, { logits, labels, scale, options }) =>
    ops.softmaxCrossEntropy(logits, labels, scale, options.labelSmoothing),
  loss64: (kit, { logits, labels, scale, options }) =>
    kit.softmaxCrossEntropy(logits, labels, scale, options.labelSmoothing),
  ofImage(logits, label) {
    let best = 0
    for (let c = 1; c < logits.length; c++) if (logits[c]! > logits[best]!) best = c
    let total = 0
    for (let c = 0; c < logits.length; c++) total += Math.exp(logits[c]! - logits[best]!)
    return Math.log(total) + logits[best]! - logits[label]!
  },
  guess: (classes) => Math.log(classes),
})
