/** How a picture is drawn: for a page in the light or in the dark, and for a phone. */
export interface Look {
  readonly theme: 'light' | 'dark'
  /** For a screen of 390 pixels. */
  readonly narrow: boolean
}

export const looks: readonly Look[] = [
  { theme: 'light', narrow: false },
  { theme: 'dark', narrow: false },
  { theme: 'light', narrow: true },
  { theme: 'dark', narrow: true },
]

/** 'study-dark-narrow.svg' */
export const fileOf = (name: string, { theme, narrow }: Look): string =>
  `${name}-${theme}${narrow ? '-narrow' : ''}.svg`
