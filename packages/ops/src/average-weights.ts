import { add, mul, sub, tidy, type Tensor } from '@tensorflow/tfjs-core'
import { kernelContracts } from './contracts'
import { hasKernel, runKernel } from './kernels'

/**
 * Averages that follow the weights: average + (1 - decay) (weight - average), at step 1 the weight itself, as PyTorch's
 * `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn(decay)`. Where 1 - decay is 0.5 or more it is computed from the
 * weight's side, as `torch.lerp` does.
 *
 * Kernel `DigitlabAverageWeights`: inputs average0.., weight0.. In place in the averages, as `DigitlabSgdStep`.
 *
 * @param averages in the shapes of the weights: updated in place, or disposed of and replaced
 * @param step from 1
 * @param decay from 0 to 1
 * @returns the averages to use from now on
 */
export const averageWeights = (
  averages: readonly Tensor[],
  weights: readonly Tensor[],
  step: number,
  decay: number,
): readonly Tensor[] => {
  const attributes = { decay, count: weights.length, step }
  if (hasKernel('averageWeights')) {
    const named = (prefix: string, tensors: readonly Tensor[]) =>
      tensors.map((tensor, i) => [`${prefix}${i}`, tensor] as const)
    runKernel(
      'averageWeights',
      Object.fromEntries<Tensor>([...named('average', averages), ...named('weight', weights)]),
      attributes,
    )
    return averages
  }
  kernelContracts.DigitlabAverageWeights.sizes({ average: averages, weight: weights }, attributes)
  const next = tidy(() =>
    weights.map((weight, i) => {
      if (step === 1) return weight.clone()
      const average = averages[i] as Tensor
      const apart = sub(weight, average)
      return 1 - decay < 0.5 ? add(average, mul(apart, 1 - decay)) : sub(weight, mul(apart, decay))
    }),
  )
  for (const old of averages) old.dispose()
  return next
}
