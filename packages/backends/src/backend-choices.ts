// Every backend of digitlab, in the order in which `auto` likes them: the command, the page and the documents read this.

interface Entry {
  readonly id: string
  /** What it computes with, in a few words. */
  readonly says: string
  /** Where it can be asked for: of the command, of the page. */
  readonly in: readonly ('command' | 'page')[]
}

/** The backends that have a name here. Others can be passed to `selectBackend` and `runExperiment` beside them. */
export const backendChoices = [
  { id: 'cuda', says: 'NVIDIA GPU', in: ['command'] },
  { id: 'wasm', says: 'WebAssembly', in: ['command', 'page'] },
  { id: 'cpu', says: 'JavaScript', in: ['command', 'page'] },
  { id: 'webgpu', says: 'WebGPU, by TensorFlow.js', in: ['command', 'page'] },
  { id: 'webgl', says: 'WebGL, by TensorFlow.js', in: ['page'] },
  { id: 'tfjs-node-gpu', says: 'TensorFlow on an NVIDIA GPU, by tfjs-node-gpu', in: ['command'] },
  { id: 'node', says: 'TensorFlow on the processor, by tfjs-node', in: ['command'] },
] as const satisfies readonly Entry[]

type Choice = (typeof backendChoices)[number]

/** The name of a backend of {@link backendChoices}. */
export type KnownBackend = Choice['id']

/** Those that can be asked for there. */
export type BackendOf<P extends 'command' | 'page'> = Choice extends infer C
  ? C extends { readonly id: infer I; readonly in: readonly (infer W)[] }
    ? P extends W
      ? I
      : never
    : never
  : never

/** The names of those that can be asked for there, in their order. */
export const backendsOf = <P extends 'command' | 'page'>(place: P): readonly BackendOf<P>[] =>
  backendChoices.flatMap(({ id, in: places }) =>
    (places as readonly string[]).includes(place) ? [id as BackendOf<P>] : [],
  )
