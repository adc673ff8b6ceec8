// Connected parts of a picture. Indices run over runs and parts that exist: each `!` is in range.

/** What hangs together in a picture, of eight neighbours each. `right` and `bottom` lie one past it. */
export interface Part {
  readonly area: number
  /** The sum of its ink. */
  readonly mass: number
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
  /** How many of its pixels lie on the picture's left, top, right and bottom border. */
  readonly contact: readonly [number, number, number, number]
  /** Whether a corner of the picture belongs to it. */
  readonly corner: boolean
}

/** Horizontal runs of ink: run `i` is row `rows[i]` from `starts[i]` to before `ends[i]`, of part `labels[i]`. */
export interface Parts {
  readonly parts: readonly Part[]
  readonly count: number
  readonly rows: Int32Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly labels: Int32Array
}

/**
 * The connected parts of all that has at least `threshold` of ink.
 *
 * @param ink [height, width]
 */
export const partsOf = (ink: Float32Array, width: number, height: number, threshold: number): Parts => {
  let [rows, starts, ends, parents] = [
    new Int32Array(1024),
    new Int32Array(1024),
    new Int32Array(1024),
    new Int32Array(1024),
  ]
  let count = 0
  const root = (run: number): number => {
    while (parents[run]! !== run) run = parents[run] = parents[parents[run]!]!
    return run
  }
  let [above, aboveEnd] = [0, 0]
  for (let y = 0; y < height; y++) {
    const first = count
    const end = (y + 1) * width
    for (let at = y * width; at < end; at++) {
      if (!(ink[at]! >= threshold)) continue
      const start = at - y * width
      do at++
      while (at < end && ink[at]! >= threshold)
      if (count === rows.length)
        [rows, starts, ends, parents] = [grown(rows), grown(starts), grown(ends), grown(parents)]
      rows[count] = y
      starts[count] = start
      ends[count] = at - y * width
      parents[count] = count
      // Runs of the row above that touch it, corners too; the last of them may touch the next run as well.
      while (above < aboveEnd && ends[above]! < start) above++
      for (let other = above; other < aboveEnd && starts[other]! <= ends[count]!; other++) {
        const [mine, its] = [root(count), root(other)]
        if (mine !== its) parents[Math.max(mine, its)] = Math.min(mine, its)
      }
      count++
    }
    ;[above, aboveEnd] = [first, count]
  }
  return { ...measured(ink, width, height, { count, rows, starts, ends, parents }), count, rows, starts, ends }
}

const grown = (array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
  const larger = new Int32Array(2 * array.length)
  larger.set(array)
  return larger
}

interface Runs {
  readonly count: number
  readonly rows: Int32Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly parents: Int32Array
}

/** Numbers the parts in the order of their first run, which every other run's parent chain ends in, and measures them. */
const measured = (ink: Float32Array, width: number, height: number, runs: Runs) => {
  const { count, rows, starts, ends, parents } = runs
  const labels = new Int32Array(count)
  const parts: { -readonly [K in keyof Part]: K extends 'contact' ? [number, number, number, number] : Part[K] }[] = []
  for (let run = 0; run < count; run++) {
    const parent = parents[run]!
    const [row, start, end] = [rows[run]!, starts[run]!, ends[run]!]
    // a parent has a smaller number than its runs, so that its label is there already
    if (parent === run) {
      labels[run] = parts.length
      parts.push({ area: 0, mass: 0, left: width, top: row, right: 0, bottom: 0, contact: [0, 0, 0, 0], corner: false })
    } else labels[run] = labels[parent]!
    const part = parts[labels[run]!]!
    part.area += end - start
    for (let at = row * width + start; at < row * width + end; at++) part.mass += ink[at]!
    if (start < part.left) part.left = start
    if (end > part.right) part.right = end
    part.bottom = row + 1
    if (start === 0) part.contact[0]++
    if (row === 0) part.contact[1] += end - start
    if (end === width) part.contact[2]++
    if (row === height - 1) part.contact[3] += end - start
    if ((row === 0 || row === height - 1) && (start === 0 || end === width)) part.corner = true
  }
  return { parts, labels }
}
