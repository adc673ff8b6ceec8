import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type * as resvg from '@resvg/resvg-wasm'
import { ReportError } from './report-error'

// In the CommonJS build `__filename` stands for the address of this module.
const require = createRequire(typeof __filename === 'string' ? __filename : import.meta.url)

/** A file of a package that is only installed to make PNG files. */
const fileOf = (packageName: string, path: string): Promise<Uint8Array> => {
  let file
  try {
    file = require.resolve(`${packageName}/${path}`)
  } catch (cause) {
    throw new ReportError(
      `a PNG is made with ${packageName}, which is not installed: run "npm install ${packageName}"`,
      {
        cause,
      },
    )
  }
  return readFile(file)
}

const loadResvg = async (): Promise<typeof resvg> => {
  const wasm = await fileOf('@resvg/resvg-wasm', 'index_bg.wasm')
  const module = await import('@resvg/resvg-wasm')
  await module.initWasm(wasm)
  return module
}

/** Inter in the two weights of the figures: the same on every machine, whatever is installed there. */
const loadInter = (): Promise<Uint8Array[]> =>
  Promise.all(
    ['400Regular/Inter_400Regular.ttf', '600SemiBold/Inter_600SemiBold.ttf'].map((path) =>
      fileOf('@expo-google-fonts/inter', path),
    ),
  )

let loadedResvg: ReturnType<typeof loadResvg> | undefined
let loadedInter: Promise<Uint8Array[]> | undefined

/** How a figure becomes pixels. */
export interface FigurePngOptions {
  /** Pixels of the PNG per CSS pixel, 2 by default. */
  readonly scale?: number
  /** TrueType files of Inter, regular and semi-bold; by default those of the package `@expo-google-fonts/inter`. */
  readonly fonts?: readonly Uint8Array[]
}

/**
 * A figure as the bytes of a PNG file, drawn by the package `@resvg/resvg-wasm`, which must be installed.
 *
 * @param svg a whole document in the light or dark theme; in a page's theme only the page knows the colours
 * @throws ReportError if a package that it needs is not installed
 */
export const figurePng = async (svg: string, { scale = 2, fonts }: FigurePngOptions = {}): Promise<Uint8Array> => {
  loadedResvg ??= loadResvg().catch((error: unknown) => {
    loadedResvg = undefined // it may be installed meanwhile
    throw error
  })
  const { Resvg } = await loadedResvg
  const fontBuffers = [...(fonts ?? (await (loadedInter ??= loadInter())))]
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
