// Emscripten's glue makes Node die of every rejection that nobody handles, and of every error that somebody does: it adds listeners to
// the process that throw what they are given. They are taken away again.

type Listener = (...parameters: never[]) => void

interface NodeProcess {
  listeners?: (event: string) => Listener[]
  removeListener?: (event: string, listener: Listener) => void
}

const events = ['uncaughtException', 'unhandledRejection'] as const

/**
 * Whether a listener does nothing but throw what it is given, unless that is one kind of error: Emscripten's two, minified or not. A
 * program's own that was added meanwhile does something else.
 */
const onlyThrows = (listener: Listener): boolean =>
  /^\(?(function\s*\w*)?\s*\(?\s*(\w+)\s*\)?\s*(=>)?\s*\{\s*(if\s*\(!\(\2 instanceof \w+\)\)\s*\{?\s*)?throw \2;?[\s}]*\)?$/.test(
    String(listener),
  )

/** Runs what starts tfjs's WebAssembly, and removes the listeners that its glue added to Node's process meanwhile. */
export const withoutGlueListeners = async <T>(start: () => Promise<T>): Promise<T> => {
  const { process } = globalThis as unknown as { readonly process?: NodeProcess }
  const listeners = (event: string) => process?.listeners?.(event) ?? []
  const before = new Map(events.map((event) => [event, new Set(listeners(event))]))
  try {
    return await start()
  } finally {
    for (const event of events)
      for (const listener of listeners(event))
        if (!before.get(event)?.has(listener) && onlyThrows(listener)) process?.removeListener?.(event, listener)
  }
}
