// Whether the numbers of a run agree with one another: what a schema can't say.
import { TrainError } from './train-error'
import type { Run } from './run-record'

/**
 * Checks that a run's counts agree.
 *
 * @param name of the file, for errors
 * @throws TrainError naming two numbers that contradict each other
 */
export const checkRun = (run: Run, name: string): void => {
  const { experiment, dataset, history, metrics, status } = run
  const contradiction = (why: string) => {
    throw new TrainError(`${name} contradicts itself (${why}): take the run from where it was trained, or train again`)
  }
  const { confusion, count, correct, accuracy } = metrics
  const classes = confusion.length
  if (confusion.some((row) => row.length !== classes))
    contradiction(`a row of the confusion matrix has not ${classes} columns, as many as there are rows`)
  if (dataset.classNames.length > classes)
    contradiction(`there are ${dataset.classNames.length} names of classes, and ${classes} classes`)
  const total = confusion.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0), 0)
  const diagonal = confusion.reduce((sum, row, i) => sum + (row[i] ?? 0), 0)
  if (total !== count || dataset.testCount !== count)
    contradiction(`${count} images are counted, ${total} in the confusion matrix, of ${dataset.testCount} test images`)
  if (diagonal !== correct || Math.abs(correct / count - accuracy) > 1e-9)
    contradiction(`${correct} images are right, ${diagonal} in the confusion matrix, with an accuracy of ${accuracy}`)

  const { epochs, stepLosses } = history
  const odd = epochs.findIndex(({ epoch }, i) => epoch !== i + 1)
  if (odd >= 0) contradiction(`epoch ${odd + 1} calls itself ${epochs[odd]?.epoch}`)
  if (
    epochs.length > experiment.epochs ||
    (status === 'completed') !== (epochs.length === experiment.epochs || run.stopped !== undefined)
  )
    contradiction(`it is ${status} after ${epochs.length} of ${experiment.epochs} epochs`)
  const validated = dataset.validationCount !== undefined
  if (validated !== (experiment.validation !== undefined))
    contradiction(
      `${dataset.validationCount ?? 'no'} images were set aside, and its experiment's validation is ${JSON.stringify(experiment.validation ?? null)}`,
    )
  for (const { epoch, testAccuracy, validationAccuracy } of epochs)
    if (validated ? validationAccuracy === undefined : testAccuracy === undefined)
      contradiction(`epoch ${epoch} has no accuracy on the ${validated ? 'images that were set aside' : 'test images'}`)
  if (run.keptEpoch !== undefined && run.keptEpoch > epochs.length)
    contradiction(`the weights of epoch ${run.keptEpoch} were kept, of ${epochs.length}`)
  const rates = history.learningRates
  if (rates !== undefined && rates.length !== stepLosses.length)
    contradiction(`it has ${rates.length} learning rates of ${stepLosses.length} steps`)
  const stepsPerEpoch = Math.ceil(dataset.trainCount / experiment.batchSize)
  const least = epochs.length * stepsPerEpoch
  const most = status === 'completed' ? least : least + stepsPerEpoch
  if (stepLosses.length < least || stepLosses.length > most)
    contradiction(`it has ${stepLosses.length} losses of steps, and ${epochs.length} epochs of ${stepsPerEpoch}`)
}
