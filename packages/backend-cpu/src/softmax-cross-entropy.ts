// Loop bounds are the tensors' shapes: each `!` on an array is in range.
import { defineKernel } from './kernel'

/** Loss, right answers and the loss's gradient, row by row, shifted by the largest logit. */
export const softmaxCrossEntropy = defineKernel(
  'DigitlabSoftmaxCrossEntropy',
  ({ values, output }, { logits, labels }, { scale, smoothing }, { batch, classes }) => {
    const [z, targets] = [values<Float32Array>(logits), values<Int32Array>(labels)]
    const dLogits = new Float32Array(batch * classes)
    const exponentials = new Float64Array(classes)
    const others = smoothing / classes
    const own = 1 - smoothing + others
    let [loss, correct] = [0, 0]
    for (let b = 0; b < batch; b++) {
      const from = b * classes
      let best = 0
      for (let c = 1; c < classes; c++) if (z[from + c]! > z[from + best]!) best = c
      let total = 0
      for (let c = 0; c < classes; c++) {
        const exponential = Math.exp(z[from + c]! - z[from + best]!)
        exponentials[c] = exponential
        total += exponential
      }
      const label = targets[b]!
      if (label < 0 || label >= classes) total = NaN // no such class: no loss, and no gradient, is a number
      let wanted = (1 - smoothing) * (z[from + label] ?? NaN)
      if (smoothing !== 0) for (let c = 0; c < classes; c++) wanted += others * z[from + c]!
      loss += Math.log(total) + z[from + best]! - wanted
      if (best === label) correct++
      for (let c = 0; c < classes; c++)
        dLogits[from + c] = scale * (exponentials[c]! / total - (c === label ? own : others))
    }
    return { summary: output([2], Float32Array.of(scale * loss, correct)), dLogits: output(logits.shape, dLogits) }
  },
)
