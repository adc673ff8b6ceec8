import { defineConfig, type Options } from 'tsup'

/** The one way a package is built: ESM and CommonJS side by side, each with its types and source maps. */
export const library = (entry: string[] = ['src/index.ts'], more: Options = {}) =>
  defineConfig({
    entry,
    format: ['esm', 'cjs'],
    target: 'es2022',
    dts: true,
    sourcemap: true,
    clean: true,
    silent: true,
    ...more,
  })
