import { readFile } from 'node:fs/promises'
import type { Options } from 'tsup'

/** Source maps of others name files that are not there: of their code the map names the file that was bundled. */
export const withoutMaps: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'without-maps-of-others',
  setup(build) {
    build.onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replace(/^\/\/# sourceMappingURL=.*$/gm, ''),
      loader: 'js',
    }))
  },
}
