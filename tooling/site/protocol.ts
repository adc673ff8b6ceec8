// What the page and the worker that runs its cells tell each other.

/** To the worker: a cell to run. */
export interface ToKernel {
  readonly cell: number
  readonly code: string
  /** How wide a figure may be, in pixels. */
  readonly width: number
}

/** What a cell shows. */
export type CellOutput =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'figure'; readonly svg: string; readonly alt: string }

/** From the worker: something that a cell shows, or how it ended. */
export type FromKernel = { readonly cell: number } & (
  | CellOutput
  // its end
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly message: string }
)
