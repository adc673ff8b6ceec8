export interface Bundled {
  readonly name: string
  readonly version: string
  readonly licence: string
  /** Of the licence's file, and of the notice that goes with it. */
  readonly text: string
}

export declare const bundledInto: (
  folder: string,
  manifest: { readonly name: string; readonly files: readonly string[] },
) => Bundled[]
