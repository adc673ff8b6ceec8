import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { initWasm, Resvg } from '@resvg/resvg-wasm'

// In the CommonJS build `__filename` stands for the address of this module.
const require = createRequire(typeof __filename === 'string' ? __filename : import.meta.url)

/** Resvg, and the fonts it draws with: the same on every machine, whatever is installed there. */
const load = async (): Promise<Uint8Array[]> => {
  const [wasm, ...fonts] = await Promise.all(
    [
      '@resvg/resvg-wasm/index_bg.wasm',
      '@expo-google-fonts/inter/400Regular/Inter_400Regular.ttf',
      '@expo-google-fonts/inter/600SemiBold/Inter_600SemiBold.ttf',
    ].map((file) => readFile(require.resolve(file))),
  )
  await initWasm(wasm as Uint8Array)
  return fonts
}

let loaded: Promise<Uint8Array[]> | undefined

/**
 * A figure as the bytes of a PNG file, drawn by resvg in the font Inter.
 *
 * @param svg a whole document, in a theme of its own: not that of a page, whose colours only the page knows
 * @param scale pixels of the PNG for each of CSS, 2 unless given
 */
export const figurePng = async (svg: string, { scale = 2 }: { readonly scale?: number } = {}): Promise<Uint8Array> => {
  loaded ??= load()
  const fontBuffers = await loaded
  const drawn = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: scale },
    font: { fontBuffers, defaultFontFamily: 'Inter', sansSerifFamily: 'Inter' },
  })
  try {
    return drawn.render().asPng()
  } finally {
    drawn.free()
  }
}
