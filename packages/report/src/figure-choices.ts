// Every figure that a report has: what it shows, and what is written below it. The command, the page and the report read this.

interface Entry {
  readonly id: string
  /** Of one run, or of several side by side. */
  readonly of: 'run' | 'runs'
  /** What it shows, in a line. */
  readonly says: string
  /** What its marks mean, if the title does not say it all. */
  readonly caption?: string
}

/** The figures, in the order in which they are told. */
export const figureChoices = [
  {
    id: 'before',
    of: 'run',
    says: '64 test images as the untrained weights read them',
    caption: 'T is the true class, P the predicted one; a cross marks a mistake.',
  },
  {
    id: 'after',
    of: 'run',
    says: 'the same images after training',
    caption: 'The same images with the weights at the end.',
  },
  {
    id: 'augmented',
    of: 'run',
    says: '64 training images as the first epoch saw them, where they were changed',
    caption: 'Each has its class below it; where two images are mixed, that of the larger share first.',
  },
  {
    id: 'loss',
    of: 'run',
    says: 'the loss of every step, and of the test images',
    caption: 'The band reaches from the smallest to the largest loss of neighbouring steps.',
  },
  {
    id: 'accuracy',
    of: 'run',
    says: 'training and test accuracy by epoch',
    caption: 'Of the training images as each was seen, just before the step that learned from it.',
  },
  { id: 'learning-rate', of: 'run', says: 'the learning rate of every step' },
  {
    id: 'confusion',
    of: 'run',
    says: 'the confusion matrix',
    caption: 'In each cell the images counted, and their share of the true class.',
  },
  { id: 'class-accuracy', of: 'run', says: 'the accuracy of each class, with its interval' },
  {
    id: 'mistakes',
    of: 'run',
    says: 'the mistakes that the model was surest of',
    caption: 'P is what was predicted, T what is true, each with the probability the model gave it.',
  },
  {
    id: 'reliability',
    of: 'run',
    says: 'accuracy by confidence, and the calibration error',
    caption:
      'Predictions by their confidence, the probability of the predicted class; at the foot of each bar, how many there are.',
  },
  {
    id: 'first-layer',
    of: 'run',
    says: 'the weights of the first layer as images',
    caption: 'Positive weights are orange, negative ones blue, zero is the paper.',
  },
  { id: 'feature-maps', of: 'run', says: 'what the filters of the first convolution make of an image' },
  {
    id: 'comparison',
    of: 'runs',
    says: 'accuracy and time of each run',
    caption: 'Training alone is timed, without the look at the test images.',
  },
  { id: 'accuracies', of: 'runs', says: 'the test accuracy of all runs by epoch' },
  { id: 'losses', of: 'runs', says: 'the training loss of all runs' },
  {
    id: 'mcnemar',
    of: 'runs',
    says: "McNemar's test of each pair",
    caption:
      'Images of the test set on which only one of the two is right; p is exact and not adjusted for the number of pairs.',
  },
] as const satisfies readonly Entry[]

/** A figure that a report may have. */
export type FigureChoice = Entry & { readonly id: FigureId }

/** Its name: of a file, and in `--figures`. */
export type FigureId = (typeof figureChoices)[number]['id']

/** The figures of one run, and those of several. */
export type FigureIdOf<O extends Entry['of']> = Extract<(typeof figureChoices)[number], { readonly of: O }>['id']

/** The caption below a figure; undefined if its title says it all. */
export const captionOf = (id: FigureId): string | undefined =>
  (figureChoices as readonly FigureChoice[]).find((figure) => figure.id === id)?.caption
