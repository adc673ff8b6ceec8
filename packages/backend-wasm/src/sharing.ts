// tfjs's WebAssembly in memory that threads share. Its file declares a memory of its own, not shared; whether a memory is shared is one
// bit of a module, which is set here before the engine sees it. Nothing else in the file changes: the same code computes.

/** Whether threads can share memory here: always in Node, in a page where it is cross-origin isolated. */
export const canShareMemory = (): boolean =>
  typeof SharedArrayBuffer === 'function' &&
  (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated !== false

/** Of the limits of a memory: that there is a largest size, and that it is shared. */
const [bounded, shared] = [1, 2]
const [importSection, memorySection] = [2, 5]

/**
 * Where the flags of a module's one memory are, which it imports or declares.
 *
 * @returns undefined for a module of another kind
 */
const memoryFlagsAt = (bytes: Uint8Array): number | undefined => {
  let at = 8
  const number = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }
  const skip = (count: number) => void (at += count)
  const skipName = () => skip(number())
  /** What is imported of each kind but memories: a function's type, a table's type and limits, a global's type. */
  const skipImport = (kind: number) => {
    if (kind === 0) return void number()
    if (kind === 3) return skip(2)
    skip(1)
    const flags = number()
    number()
    if (flags & bounded) number()
  }
  while (at < bytes.length) {
    const id = bytes[at++]
    const end = number() + at
    if (id === importSection)
      for (let left = number(); left > 0; left--) {
        skipName()
        skipName()
        const kind = bytes[at++] ?? 0
        if (kind === 2) return at
        if (kind > 3) return undefined
        skipImport(kind)
      }
    if (id === memorySection) return number() === 1 ? at : undefined
    at = end
  }
  return undefined
}

/** The module with its memory shared or not; undefined where it has none, or one without a largest size, which can't be shared. */
export const withSharing = (module: Uint8Array, share: boolean): Uint8Array<ArrayBuffer> | undefined => {
  const at = memoryFlagsAt(module)
  const flags = at === undefined ? 0 : (module[at] ?? 0)
  if (at === undefined || (flags & bounded) === 0) return undefined
  const copy = new Uint8Array(module)
  copy[at] = share ? flags | shared : flags & ~shared
  return copy
}

/** What tfjs's module exports under this name tells it from any other that a program instantiates meanwhile. */
const isTfjs = (module: WebAssembly.Module): boolean =>
  WebAssembly.Module.exports(module).some(({ name }) => name === 'register_tensor')

/**
 * Runs what starts tfjs's WebAssembly; the memory of its module is one that threads share, where there can be such.
 * Emscripten's glue calls `WebAssembly.instantiate` or `instantiateStreaming`, which stand aside for that while it starts.
 */
export const withSharedMemory = async <T>(start: () => Promise<T>): Promise<T> => {
  if (!canShareMemory()) return start()
  const { instantiate, instantiateStreaming } = WebAssembly
  const bytesOf = (source: BufferSource) =>
    ArrayBuffer.isView(source)
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      : new Uint8Array(source)
  const sharing = async (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) => {
    if (source instanceof WebAssembly.Module) return instantiate(source, imports)
    const patched = withSharing(bytesOf(source), true)
    if (!patched) return instantiate(source, imports)
    try {
      const module = await WebAssembly.compile(patched)
      if (isTfjs(module)) return { module, instance: await instantiate(module, imports) }
    } catch {
      // Room for the largest size is set aside for shared memory, and there may be none: tfjs's own memory then.
    }
    return instantiate(source, imports)
  }
  const streaming = async (source: Response | PromiseLike<Response>, imports?: WebAssembly.Imports) =>
    sharing(await (await source).arrayBuffer(), imports)
  Object.assign(WebAssembly, { instantiate: sharing, instantiateStreaming: streaming })
  try {
    return await start()
  } finally {
    Object.assign(WebAssembly, { instantiate, instantiateStreaming })
  }
}
