/** What a metric is computed of: what the model says of the test images. */
export interface MetricInputs {
  /** True classes, [count]. */
  readonly labels: ArrayLike<number>
  /** Predicted ones, [count]. */
  readonly predicted: ArrayLike<number>
  /** Softmax of the logits, [count, classes]. */
  readonly probabilities: Float32Array
  readonly classes: number
}

/** A number that says how good a model is, beside loss and accuracy: recorded after each epoch and at the end. */
export interface MetricType {
  readonly name: string
  /** The number, which must be finite. */
  of(inputs: MetricInputs): number
}

/** Defines a metric, which can be passed to `runExperiment`. */
export const defineMetric = (type: MetricType): MetricType => type
