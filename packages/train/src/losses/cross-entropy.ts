// Indices run over the classes of one image: each `!` is in range.
import { defineLoss } from '../loss-type'

/** Mean cross-entropy of the softmax, in nats, as PyTorch's `nn.CrossEntropyLoss`. */
export const crossEntropy = defineLoss({
  name: 'crossEntropy',
  says: 'mean cross-entropy of the softmax, in nats',
  options: {},
  loss: ({ ops }, { logits, labels, scale }) => ops.softmaxCrossEntropy(logits, labels, scale),
  loss64: (kit, { logits, labels, scale }) => kit.softmaxCrossEntropy(logits, labels, scale),
  ofImage(logits, label) {
    let best = 0
    for (let c = 1; c < logits.length; c++) if (logits[c]! > logits[best]!) best = c
    let total = 0
    for (let c = 0; c < logits.length; c++) total += Math.exp(logits[c]! - logits[best]!)
    return Math.log(total) + logits[best]! - logits[label]!
  },
  guess: (classes) => Math.log(classes),
})
