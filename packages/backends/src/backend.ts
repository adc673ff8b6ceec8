import type { KnownBackend } from './backend-choices'

/** The name of a backend, which a run records: one of ours or any other. */
// `string & {}` keeps the known names among what an editor offers
export type BackendId = KnownBackend | (string & {})

/** Whether a backend can start here: on what, or why not and what would help. */
export type Probe =
  | { readonly usable: true; readonly device: string }
  | { readonly usable: false; readonly reason: string; readonly remedy: string }

/** What a started backend computes on; goes into run.json. */
export interface BackendInfo {
  readonly id: BackendId
  /** What computes, in words: 'WebAssembly, relaxed SIMD' or 'NVIDIA H100 80GB HBM3'. */
  readonly device: string
  readonly threads: number
  /** How float32 products are computed where there is a choice: 'tf32' rounds their factors to 10 bits. */
  readonly precision?: 'float32' | 'tf32'
  /** Packages that decide the arithmetic, by name. */
  readonly versions: Readonly<Record<string, string>>
}

/** What changes from one repetition of a recorded step to the next. */
export interface StepVariables {
  /** The first position of the batch in the order. */
  readonly start: number
  /** The optimizer's count of steps, from 1. */
  readonly step: number
  /**
   * Options of the optimizer that change from step to step, by their names, in place of those that its kernel was recorded with:
   * `{ learningRate: 0.1, momentum: 0.9 }`. Absent where all stay as they are.
   */
  readonly values?: Readonly<Record<string, number>>
}

/** A computation that can be done again on the same tensors, without tfjs's dispatch between its kernels. */
export interface Recording {
  /**
   * Does it again: the tensors that it read are read as they are now, those that it made are written anew.
   *
   * @returns false, with nothing done, where that is no longer possible
   */
  replay(variables: StepVariables): boolean
  /**
   * Where the device runs behind the program (`asynchronous`): a way to read, at any later time, the first of the tensors that the
   * computation returned as it was after the last repetition, or after the recorded computation itself. The tensor's memory is
   * written anew by the next one.
   */
  latest?(): () => Promise<ArrayLike<number>>
  /** Lets go of the memory that repetitions need. The tensors that the computation returned are the caller's. */
  dispose(): void
}

/** Whether the device that a backend computes on is still there: a driver restarts, a browser takes a page's context away. */
export interface DeviceWatch {
  /** Why it is gone, where it is seen to be now. */
  lost(): BackendError | undefined
  /** Settles with the same once it is gone; until then, and so maybe for ever, it waits. */
  readonly gone: Promise<BackendError>
}

/** A backend: something that computes, and how it is started. */
export interface Backend {
  readonly id: BackendId
  /** True where reading a tensor waits for a device: the training loop then reads losses in bunches, late. */
  readonly asynchronous: boolean
  /** Finds out whether the backend can start, without starting it or changing anything. Never throws. */
  probe(): Promise<Probe>
  /**
   * Loads what is heavy, registers kernels and becomes tfjs's backend.
   *
   * @throws BackendError if it can't, with the reason and the remedy
   */
  start(): Promise<BackendInfo>
  /**
   * Tells of the device that the last `start()` in this thread began on; undefined before that. Only backends that can lose it have
   * this: what is read from a lost device never comes, or is wrong. A later `start()` begins on a new one.
   */
  readonly watch?: () => DeviceWatch | undefined
  /**
   * Has the started backend compute on so many threads from now on, the calling one among them; on one until it is called. No bit of any
   * result depends on it. Absent where the backend has no threads of its own to start.
   *
   * @param options `fewer`: a computation may be done by fewer of them where that is found to be faster
   * @returns how many there are: one where memory cannot be shared between threads
   * @throws BackendError `thread-lost` where one does not start; so does what computes, where one is gone or says nothing
   */
  readonly useThreads?: (count: number, options?: { readonly fewer?: boolean }) => Promise<number>
  /** Bytes that its tensors may take in all, where that is known before it is started. */
  readonly memory?: () => number | undefined
  /**
   * Runs a synchronous computation on the started backend and records it. What changes between repetitions are the
   * `start` of a gathered batch, and the `step` and the `values` of an optimizer; everything else is done as it was.
   *
   * @returns no recording where the computation did more than kernels of the backend's own
   */
  readonly record?: <T>(compute: () => T) => { readonly result: T; readonly recording: Recording | undefined }
}

/** What a {@link BackendError} is about, for a program that acts on it; the sentence is for people. */
export type BackendErrorCode =
  /** There is none of that name. */
  | 'unknown-backend'
  /** It can't start here, or not as it was asked for. */
  | 'not-usable'
  /** The device that it computed on is gone. */
  | 'device-lost'
  /** tfjs was set to another backend while something computed. */
  | 'backend-changed'
  /** A thread that took part in computing is gone, or says nothing. */
  | 'thread-lost'

/** A backend that was asked for is not available. */
export class BackendError extends Error {
  readonly mendable = true
  override name = 'BackendError'
  readonly code: BackendErrorCode

  constructor(
    message: string,
    { code = 'not-usable', ...options }: ErrorOptions & { readonly code?: BackendErrorCode } = {},
  ) {
    super(message, options)
    this.code = code
  }
}
