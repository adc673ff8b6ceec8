/** A package that a user may add, or why it can't be loaded. */
export type Optional<T> = { readonly module: T } | { readonly reason: string; readonly remedy: string }

/**
 * Loads a package that this one does not bring. The name is not a literal at the import, so that neither a bundler nor a
 * compiler looks for it.
 *
 * @param beside packages that are of no use without it, installed with it where it is missing
 */
export const loadOptional = async <T>(name: string, ...beside: readonly string[]): Promise<Optional<T>> => {
  try {
    return { module: (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as T }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // Node tells it by a code; a bundler that found no such package put an error in its place, which says so in words.
    const absent = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND' || /could not resolve/i.test(message)
    const missing = absent && message.includes(name)
    return missing
      ? { reason: `the package ${name} is not installed`, remedy: `run "npm install ${[name, ...beside].join(' ')}"` }
      : {
          reason: `the package ${name} cannot be loaded (${firstLine(message)})`,
          remedy: 'install it again with its native library, or use another backend',
        }
  }
}

const firstLine = (message: string): string => message.split('\n', 1)[0] ?? message
