/** A PTX file and what it is compiled from. */
export interface Target {
  readonly name: 'kernels' | 'tensor-cores'
  readonly source: string
  /** The oldest GPU, '60' for compute capability 6.0. */
  readonly capability: string
}
export declare const targets: readonly Target[]
export declare const hashOfSources: () => string
export declare const clangVersion: (clang?: string) => string | undefined
export declare const compile: (target: Target, clang?: string) => string
