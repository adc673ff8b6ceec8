// The page within somebody else's: Draw alone, or Train and Draw, without what surrounds them.

/** 'draw', or 'train' for both; undefined for the whole page. */
type Embedded = 'draw' | 'train' | undefined

/** What an address asks for: `?embed` or `#embed` for Train and Draw, `?embed=draw` or `#embed=draw` for Draw alone. */
export const embeddedIn = ({ search, hash }: Pick<Location, 'search' | 'hash'>): Embedded => {
  const asked = new URLSearchParams(search).get('embed') ?? new URLSearchParams(hash.slice(1)).get('embed')
  return asked === null ? undefined : asked === 'draw' ? 'draw' : 'train'
}

export const embedded: Embedded = embeddedIn(globalThis.location ?? { search: '', hash: '' })

/** What the query of an address says of it, behind the experiment. */
export const embedQuery = (how: Embedded): string => (how ? `&embed=${how}` : '')

/** The address of the whole page with the same experiment. */
export const unembedded = (address: string): string => {
  const url = new URL(address)
  url.searchParams.delete('embed')
  url.hash = ''
  return url.href
}
