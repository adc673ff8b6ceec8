// Ruled lines, frames at the edge and the dark rim of a scan: thin, straight, from edge to edge.
// Indices run over pixels inside the picture: each `!` is in range.

/** A line is at most this share of the picture thick (but a pixel may always be one), so that no stroke of a digit is taken for one. */
const thickest = 0.025
/** By how many grey levels a line must stand out from what lies beside it. */
const leastStep = 12
/** At how many places along it a line is looked at. */
const samples = 48

/**
 * Finds lines that run straight across the whole picture, in rows and in columns, and puts in their place what lies on both sides, so
 * that a digit that they cross stays whole.
 *
 * @param shade [height, width], changed in place
 * @returns whether there were any
 */
export const removeRuledLines = (shade: Float32Array, width: number, height: number): boolean => {
  const across = removeAlong(shade, { count: height, step: width }, { count: width, step: 1 })
  const down = removeAlong(shade, { count: width, step: 1 }, { count: height, step: width })
  return across || down
}

interface Direction {
  readonly count: number
  /** How far two neighbours lie apart in memory. */
  readonly step: number
}

/** Removes lines whose pixels follow each other by `along`, of which `lines` counts the candidates. */
const removeAlong = (shade: Float32Array, lines: Direction, along: Direction): boolean => {
  if (lines.count < 8 || along.count < 8) return false
  const [middles, lows, highs] = profileOf(shade, lines, along)
  const most = Math.max(1, Math.round(thickest * lines.count))
  let found = false
  for (let line = 0; line < lines.count; line++) {
    // the longest line that begins here: it ends where the shade is that of before again
    const before = line === 0 ? undefined : middles[line - 1]!
    for (let thick = most; thick >= 1; thick--) {
      const after = line + thick < lines.count ? middles[line + thick]! : undefined
      if (!isLine(line, thick, before, after, lows, highs)) continue
      repair(shade, lines, along, line, thick)
      for (let i = line; i < line + thick; i++) middles[i] = before ?? after!
      line += thick - 1
      found = true
      break
    }
  }
  return found
}

/** The median shade of each candidate, and between what shades nine tenths of it lie. */
const profileOf = (shade: Float32Array, lines: Direction, along: Direction) => {
  const places = Math.min(samples, along.count)
  const values = new Float32Array(places)
  const [middles, lows, highs] = [1, 1, 1].map(() => new Float32Array(lines.count)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  for (let line = 0; line < lines.count; line++) {
    for (let i = 0; i < places; i++) {
      const place = places === 1 ? 0 : Math.round((i * (along.count - 1)) / (places - 1))
      values[i] = shade[line * lines.step + place * along.step]!
    }
    values.sort()
    middles[line] = values[places >> 1]!
    lows[line] = values[Math.floor(0.08 * places)]!
    highs[line] = values[Math.ceil(0.92 * places) - 1]!
  }
  return [middles, lows, highs] as const
}

/** Whether all of these candidates stand out, over nearly all of their length, from what lies on both sides, and to one side. */
const isLine = (
  line: number,
  thick: number,
  before: number | undefined,
  after: number | undefined,
  lows: Float32Array,
  highs: Float32Array,
): boolean => {
  if (before === undefined && after === undefined) return false
  const lower = Math.min(before ?? after!, after ?? before!)
  const upper = Math.max(before ?? after!, after ?? before!)
  let [darker, lighter] = [true, true]
  for (let i = line; i < line + thick && (darker || lighter); i++) {
    if (highs[i]! > lower - leastStep) darker = false
    if (lows[i]! < upper + leastStep) lighter = false
  }
  return darker || lighter
}

/** Straight from the shade before the line to the shade after it, at each place along it. */
const repair = (shade: Float32Array, lines: Direction, along: Direction, line: number, thick: number): void => {
  for (let place = 0; place < along.count; place++) {
    const at = line * lines.step + place * along.step
    const after = line + thick < lines.count ? shade[at + thick * lines.step]! : undefined
    const before = line > 0 ? shade[at - lines.step]! : after!
    for (let i = 0; i < thick; i++)
      shade[at + i * lines.step] = before + (((after ?? before) - before) * (i + 1)) / (thick + 1)
  }
}
