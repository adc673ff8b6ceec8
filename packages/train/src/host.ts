// What this machine has, where it can be asked.
interface Host {
  readonly availableParallelism: () => number
  readonly totalmem: () => number
}

const node = (): Host | undefined => {
  const { process } = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } }
  return process?.getBuiltinModule?.('node:os') as Host | undefined
}

/** Logical processors; 0 where it is not told. */
export const processors = (): number => globalThis.navigator?.hardwareConcurrency ?? node()?.availableParallelism() ?? 0

/** Bytes that this process may use; undefined if that is not told, as in a page. */
export const hostMemory = (): number | undefined => {
  const all = node()?.totalmem()
  if (all === undefined) return undefined
  const limit = process.constrainedMemory() // of a container; 0 or a number beyond all memory if there is none
  return limit > 0 ? Math.min(all, limit) : all
}
