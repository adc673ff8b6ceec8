/** The names a backend may have: what `--backend` takes and what a run records. */
export type BackendId = 'cuda' | 'webgpu' | 'webgl' | 'wasm' | 'cpu' | 'node'

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
  /** Packages that decide the arithmetic, by name. */
  readonly versions: Readonly<Record<string, string>>
}

/** One way to compute. */
export interface Backend {
  readonly id: BackendId
  /** True where reading a tensor waits for a device: the training loop then reads losses in bunches, late. */
  readonly asynchronous: boolean
  /** Finds out whether the backend can start, without starting it or changing anything. Never throws. */
  probe(): Promise<Probe>
  /**
   * Loads what is heavy, registers kernels and becomes tfjs's backend.
   *
   * @throws BackendError where it can't, with the reason and the remedy
   */
  start(): Promise<BackendInfo>
}

/** A backend that was asked for can't be had. */
export class BackendError extends Error {
  readonly mendable = true
  override name = 'BackendError'
}
