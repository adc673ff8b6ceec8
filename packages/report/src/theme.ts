/** The colours of a figure. Text on paper has a contrast of at least 4.5 in either theme. */
export interface Palette {
  readonly paper: string
  readonly ink: string
  /** Axes, captions. */
  readonly muted: string
  /** Grid lines, frames. */
  readonly faint: string
  /** What is measured, what is right. */
  readonly first: string
  /** What it is compared with. */
  readonly second: string
  readonly wrong: string
}

const light: Palette = {
  paper: '#ffffff',
  ink: '#1b1f26',
  muted: '#576170',
  faint: '#d8dde4',
  first: '#0a62ab',
  second: '#a84400',
  wrong: '#bf2a12',
}

const dark: Palette = {
  paper: '#14171c',
  ink: '#e7eaee',
  muted: '#a3adb9',
  faint: '#39414c',
  first: '#6cb4f5',
  second: '#f3a35f',
  wrong: '#ff7f68',
}

export const palettes = { light, dark } as const

/** `page`: the page around the figure has the colours, and follows its reader's light or dark. */
export type Theme = 'light' | 'dark' | 'page'

const page = Object.fromEntries(Object.keys(light).map((name) => [name, `var(--${name})`])) as unknown as Palette

export const paletteOf = (theme: Theme): Palette => (theme === 'page' ? page : palettes[theme])

/** The colours as properties of a page. */
export const paletteCss = (palette: Palette): string =>
  Object.entries(palette)
    .map(([name, colour]) => `--${name}:${colour}`)
    .join(';')

/** Lines of several runs: told apart by their dashes and signs too, and named at their ends. */
export const seriesDashes = ['', '6 3', '2 3', '9 3 2 3', '12 4', '4 2 1 2'] as const
export const seriesSymbols = ['circle', 'square', 'diamond', 'triangle'] as const
const seriesLight = ['#0a62ab', '#a84400', '#1a7444', '#8336a1', '#6f5900', '#a3195b'] as const
const seriesDark = ['#6cb4f5', '#f3a35f', '#6fd39c', '#cf9be6', '#d8c15a', '#f48cb8'] as const

export const seriesColours = (theme: Theme): readonly string[] =>
  theme === 'page' ? seriesLight.map((_, n) => `var(--series-${n})`) : theme === 'light' ? seriesLight : seriesDark

export const seriesCss = (theme: 'light' | 'dark'): string =>
  seriesColours(theme)
    .map((colour, n) => `--series-${n}:${colour}`)
    .join(';')
