// What the page and its workers say to each other. The page draws; `lab` computes; `figures` makes SVG.
import { backendsOf, type BackendOf, type Probe } from '@digitlab/backends'
import { datasetNames, type CatalogueName, type Dataset, type DatasetName, type Preparation } from '@digitlab/data'
import type { AugmentedImages, DrawnEpoch, FeatureMaps, FirstLayer, RunPredictions } from '@digitlab/report'
import type { CompletedOptions, ModelName } from '@digitlab/models'
import type { experimentOptions, experimentParts, Run } from '@digitlab/train'

export type PageBackend = BackendOf<'page'>
export const pageBackends: readonly PageBackend[] = backendsOf('page')

/** What of an experiment is chosen by name. */
export type Kind = 'optimizer' | 'schedule' | 'loss'

/** A part of an experiment that has options of its own and may be left out. */
export type Part = keyof typeof experimentParts

/** Its name and its options, as they are typed: a number may be NaN, and out of range. */
export interface Chosen {
  readonly name: string
  readonly [option: string]: unknown
}

/** What the form asks for: an experiment but for its data set, and on what to run it. */
export interface Settings extends CompletedOptions<typeof experimentOptions> {
  readonly model: ModelName
  /** A model of one's own in its place, as it is typed: the JSON of a definition. */
  readonly definition?: string | undefined
  readonly backend: PageBackend
  /** Threads that take a step together; more than one needs a page that is cross-origin isolated. */
  readonly threads: number | 'auto'
  readonly seed: number
  readonly optimizer: Chosen
  /** Absent where the learning rate stays as it is. */
  readonly schedule?: Chosen | undefined
  /** The schedules that follow it, one after the other; each but the last may say how long it lasts, as `for`. */
  readonly then?: readonly Chosen[] | undefined
  readonly loss: Chosen
  /** The options of the parts that the experiment has, as they are typed. */
  readonly parts?: Readonly<Partial<Record<Part, Readonly<Record<string, unknown>>>>> | undefined
  /** How the training images are changed; absent where they stay as they are. */
  readonly augment?: readonly Chosen[] | undefined
}

/** The data sets that have a name. */
export const dataChoices = datasetNames

/** A data set by name; 'files' are those that were given. */
export type DataChoice = DatasetName | 'files'

/** A data set without its images, which go to the figures' worker. */
export type DataSummary = Omit<Dataset, 'train' | 'test'> & {
  readonly choice: DataChoice
  readonly trainCount: number
  readonly testCount: number
}

/** A run as the page knows it. */
export interface KnownRun {
  /** Tells it from the other runs of this page. */
  readonly key: string
  /** 'trained' here, or 'dropped' as files. */
  readonly from: 'trained' | 'dropped'
  readonly run: Run
  /** The files of its folder, by name. */
  readonly files: Readonly<Record<string, string | Uint8Array>>
  /** Models that are still to be trained after this one, where several are compared. */
  readonly group?: Group
}

/** What a run's figures are drawn from, but for the images, which the figures' worker has. */
export interface RunParts {
  readonly key: string
  readonly run: Run
  readonly predictions?: RunPredictions
  readonly augmented?: AugmentedImages
  readonly firstLayer?: FirstLayer
  readonly featureMaps?: FeatureMaps
  /** Sentences about what can't be drawn and why. */
  readonly missing: readonly string[]
}

/** Models that are trained one after another. */
export interface Group {
  readonly id: string
  readonly rest: readonly ModelName[]
}

/** What is wrong with the values of the form, each as a sentence, by the field's path: 'optimizer.momentum'. */
export type Problems = Readonly<Record<string, string>>

/** A run, or where one stands, that this browser keeps and this version can't read. */
export interface UnreadableRun {
  readonly key: string
  readonly sentence: string
}

/** A file that was chosen or dropped. */
export interface GivenFile {
  readonly file: File
  /** Where it lay: its name, after the folders that it was dropped in. */
  readonly path: string
  /** What is to be made of the data set in it, of one that was fetched. */
  readonly preparation?: Preparation
}

/** How far a data set has come. */
export interface LoadProgress {
  readonly what: string
  readonly received?: number
  readonly total?: number
}

/** A run that can go on: where it stands. */
export interface Resumable {
  readonly key: string
  readonly settings: Settings
  readonly data: DataChoice
  readonly dataTitle: string
  readonly epoch: number
  readonly step: number
  readonly stepsTaken: number
  /** Milliseconds since 1970. */
  readonly savedAt: number
  readonly group?: Group
}

/** Where training stands, told some ten times a second. */
export interface Standing {
  readonly epoch: number
  readonly step: number
  readonly stepsPerEpoch: number
  readonly imagesPerSecond: number
  readonly secondsLeft: number
  /** The losses since the last message. */
  readonly losses: Float32Array
  /** The epochs that have ended since. */
  readonly records: readonly DrawnEpoch[]
}

export type ToLab =
  | {
      readonly type: 'hello'
      /** Base address of the data that "digitlab serve" has at hand. */
      readonly local?: string
      /** To the figures' worker, which gets the images. */
      readonly figures: MessagePort
      /** Held as a lock for as long as this worker lives. */
      readonly lock: string
    }
  | { readonly type: 'load'; readonly name: Exclude<DataChoice, 'files'> }
  | { readonly type: 'cancel-load' }
  /** The form: its values are checked, and its experiment gets an id. */
  | { readonly type: 'settings'; readonly settings: Settings; readonly data: DataChoice }
  | {
      readonly type: 'train'
      readonly key: string
      readonly settings: Settings
      readonly data: DataChoice
      readonly group?: Group
      /** It pauses after its first step. */
      readonly stepwise?: boolean
    }
  | { readonly type: 'go-on'; readonly key: string }
  | { readonly type: 'pause' }
  /** Takes one step, and pauses again. */
  | { readonly type: 'step' }
  /** How many steps a second are taken at most, from now on; absent for as many as can be. */
  | { readonly type: 'pace'; readonly stepsPerSecond?: number }
  | { readonly type: 'resume' }
  | { readonly type: 'stop' }
  /** This run is not to go on: its checkpoint is deleted. */
  | { readonly type: 'forget'; readonly key: string }
  /** This run is to be kept no longer. */
  | { readonly type: 'remove'; readonly key: string }
  /** Prepares the figures of a run; its data set is loaded where it is not at hand. */
  | { readonly type: 'prepare'; readonly key: string }
  /** Whose weights read drawings while nothing trains. */
  | { readonly type: 'read-by'; readonly by: ReadBy }
  /** Runs that the page knows and a new worker does not. */
  | { readonly type: 'known'; readonly runs: readonly KnownRun[] }
  /** The files of the data set that the page has and a new worker has not. */
  | { readonly type: 'files'; readonly given: readonly GivenFile[] }
  /** A data set at an address; answered as 'open' is. */
  | { readonly type: 'fetch'; readonly address: string }
  /** Files that were chosen or dropped; 'opened' or 'not-opened' answers. */
  | { readonly type: 'open'; readonly given: readonly GivenFile[] }
  | { readonly type: 'drawing'; readonly rgba: Uint8ClampedArray; readonly width: number; readonly height: number }
  | { readonly type: 'test-image' }
  | { readonly type: 'no-drawing' }

/** What went wrong: a sentence, and whether it is a bug of ours rather than something that can be mended. */
export interface Failure {
  readonly sentence: string
  /** The stack, where it is a bug. */
  readonly bug?: string
}

export type FromLab =
  /** It holds its lock. */
  | { readonly type: 'alive' }
  | { readonly type: 'backend'; readonly id: PageBackend; readonly probe: Probe }
  /** What this browser keeps; again where another page has changed it. */
  | {
      readonly type: 'kept'
      readonly runs: readonly KnownRun[]
      readonly resumable: readonly Resumable[]
      readonly unreadable: readonly UnreadableRun[]
    }
  /** A run that was being trained and is not any more. */
  | { readonly type: 'resumable'; readonly resumable: Resumable }
  /** The data set that was chosen is on its way. */
  | ({ readonly type: 'loading' } & LoadProgress)
  | { readonly type: 'data'; readonly data: DataSummary }
  /** The data sets that the server of this page has. */
  | { readonly type: 'served'; readonly names: readonly CatalogueName[] }
  | { readonly type: 'load-cancelled' }
  | { readonly type: 'data-failed'; readonly failure: Failure }
  /** The id of the experiment that the form describes, or what is wrong with it. */
  | { readonly type: 'experiment'; readonly id?: string; readonly problems: Problems }
  | {
      readonly type: 'started'
      readonly key: string
      readonly settings: Settings
      readonly id: string
      readonly device: string
      readonly threads: number
      readonly stepsPerEpoch: number
      /** What went before, of a run that goes on. */
      readonly losses: Float32Array
      readonly epochs: readonly DrawnEpoch[]
      readonly group?: Group
    }
  | ({ readonly type: 'standing' } & Standing)
  | { readonly type: 'evaluating'; readonly epoch: number }
  | { readonly type: 'paused' }
  | { readonly type: 'resumed' }
  | {
      readonly type: 'finished'
      readonly known: KnownRun
      /** What it was trained on: what follows is as well. */
      readonly data: DataChoice
      readonly resumable?: Resumable
    }
  /** `fresh`: this worker should not go on computing. */
  | { readonly type: 'failed'; readonly failure: Failure; readonly resumable?: Resumable; readonly fresh: boolean }
  /** What the files that were given turned out to be: a run to look at, the data set, or a picture that is read. */
  | { readonly type: 'opened'; readonly what: Opened }
  | { readonly type: 'not-opened'; readonly failure: Failure }
  /** The data set of a run that is looked at is on its way. */
  | ({ readonly type: 'look-loading'; readonly key: string } & LoadProgress)
  | { readonly type: 'parts'; readonly parts: RunParts }
  | { readonly type: 'look-failed'; readonly key: string; readonly failure: Failure }
  /** Something that the page should tell. */
  | { readonly type: 'notice'; readonly sentence: string }
  /** Something that whoever trains should know; the training goes on. */
  | { readonly type: 'warning'; readonly sentence: string }
  | ({ readonly type: 'read' } & Reading)
  /** Of the drawing that was read last. */
  | ({ readonly type: 'evidence' } & Evidence)
  | { readonly type: 'unreadable'; readonly sentence: string }

/** Whose weights read drawings: the example's, which the page brings; those that the seed draws for the form; a run's, by its key. */
export type ReadBy = 'example' | 'initial' | { readonly run: string }

/** What files that were given turned out to be. */
export type Opened =
  | { readonly kind: 'run'; readonly known: KnownRun }
  | { readonly kind: 'data'; readonly title: string; readonly given: readonly GivenFile[] }
  | { readonly kind: 'model'; readonly name: string; readonly text: string }
  | { readonly kind: 'picture'; readonly name: string }

/** What the model says of a drawing. */
export interface Reading {
  /** [28, 28] or the data set's own size: what the model sees, 0 for paper. */
  readonly form: Uint8Array
  readonly height: number
  readonly width: number
  readonly probabilities: Float32Array
  /** What the image shows in truth, where it is one of the test images. */
  readonly label?: number
  /** Training steps behind the weights that read it. */
  readonly steps: number
  /** What each layer made of it. */
  readonly layers: readonly LayerReading[]
}

/** What of a drawing speaks for the class that the model sees in it. */
export interface Evidence {
  readonly label: number
  /** The drawing, as in {@link Reading}. */
  readonly form: Uint8Array
  readonly height: number
  readonly width: number
  /** [height, width]: by how much the class becomes less likely where the ink there is erased, on a scale of its own from -127 to 127. */
  readonly values: Int8Array
}

/** A layer of the net that read a drawing. */
export interface LayerReading {
  readonly type: string
  readonly name?: string
  /** [height, width, channels], or [features]. */
  readonly shape: readonly number[]
  /** How many are trained. */
  readonly parameters: number
  /** In the order of the shape, on the layer's own scale from -127 to 127; absent where it computes nothing, or too much to be seen. */
  readonly values?: Int8Array
  /** Of the first layer with weights, where they are images: what each of its outputs looks for, as `values` are. */
  readonly weights?: { readonly shape: readonly number[]; readonly values: Int8Array }
}
