// What the page of a sweep draws, on canvases: thousands of lines are too many for SVG. Each function is written into the page as it is,
// so it uses nothing but what it is given.

/** A setting or a result of a run, in the page. */
export type PageValue = string | number | boolean | null

/** How a field's values lie along an axis. */
export interface PageAxis {
  readonly name: string
  /** From 0 to 1; undefined where there is no value. */
  readonly place: (value: PageValue) => number | undefined
  readonly ticks: readonly { readonly at: number; readonly text: string }[]
}

/** A canvas that is ready to be drawn on, in pixels of CSS. */
export interface Board {
  readonly context: CanvasRenderingContext2D
  readonly width: number
  readonly height: number
  /** A colour of the page, by its name. */
  readonly colour: (name: string) => string
  readonly spaced: typeof spacedTicks
}

/** Words beside an axis, in pixels along it. */
interface PlacedTick {
  readonly at: number
  readonly text: string
  readonly centre: number
  readonly size: number
}

/**
 * Those ticks of an axis whose words are clear of each other, the first and the last one before those between, none beyond `low` and `high`.
 *
 * @param centreOf a place from 0 to 1, in pixels
 * @param sizeOf words, in pixels along the axis
 */
export const spacedTicks = (
  { ticks }: PageAxis,
  centreOf: (at: number) => number,
  sizeOf: (text: string) => number,
  [low, high]: readonly [low: number, high: number] = [-Infinity, Infinity],
): readonly PlacedTick[] => {
  const placed = ticks.map(({ at, text: whole }): PlacedTick => {
    const text = whole.length > 12 ? `${whole.slice(0, 11)}…` : whole
    const size = sizeOf(text)
    return { at, text, size, centre: Math.max(low + size / 2, Math.min(high - size / 2, centreOf(at))) }
  })
  const clear: PlacedTick[] = []
  for (const tick of [...placed.slice(0, 1), ...placed.slice(1).slice(-1), ...placed.slice(1, -1)])
    if (clear.every(({ centre, size }) => Math.abs(centre - tick.centre) >= (size + tick.size) / 2 + 2))
      clear.push(tick)
  return clear
}

/** An axis of a field: logarithmic where the numbers span more than a decade and a half, places in a row where they are words. */
export const axisOf = (name: string, values: readonly PageValue[]): PageAxis => {
  const isAccuracy = /accuracy$/i.test(name)
  const text = (value: number) =>
    isAccuracy
      ? `${Number((100 * value).toPrecision(4))} %`
      : value !== 0 && Math.abs(value) < 0.001
        ? value.toExponential(1)
        : String(Number(value.toPrecision(3)))
  const there = values.filter((value) => value !== null)
  const numbers = there.filter((value) => typeof value === 'number')
  if (numbers.length < there.length || there.length === 0) {
    const words = [...new Set(there.map(String))].sort()
    const at = (n: number) => (words.length < 2 ? 0.5 : n / (words.length - 1))
    return {
      name,
      place: (value) => (value === null ? undefined : at(words.indexOf(String(value)))),
      ticks: words.slice(0, 12).map((word, n) => ({ at: at(n), text: word })),
    }
  }
  const low = numbers.reduce((a, b) => Math.min(a, b), Infinity)
  const high = numbers.reduce((a, b) => Math.max(a, b), -Infinity)
  const logarithmic = low > 0 && high / low > 30 && !isAccuracy
  const map = (value: number) => (logarithmic ? Math.log(value) : value)
  const span = map(high) - map(low)
  const place = (value: PageValue) =>
    typeof value === 'number' && Number.isFinite(value)
      ? span === 0
        ? 0.5
        : (map(value) - map(low)) / span
      : undefined
  const distinct = [...new Set(numbers)].sort((a, b) => a - b)
  const whole = distinct.every(Number.isInteger)
  const shown =
    distinct.length <= 5
      ? distinct
      : [0, 0.25, 0.5, 0.75, 1]
          .map((part) => (logarithmic ? low * (high / low) ** part : low + part * (high - low)))
          .map((value) => (whole ? Math.round(value) : value))
  return { name, place, ticks: shown.map((value) => ({ at: place(value) ?? 0.5, text: text(value) })) }
}

/** Each run a line over all axes; the chosen ones above the others. */
export const drawParallel = (
  { context, width, height, colour, spaced }: Board,
  axes: readonly PageAxis[],
  rows: readonly (readonly PageValue[])[],
  isChosen: (row: number) => boolean,
): void => {
  const [top, bottom, left, right] = [34, 14, 40, 64]
  const x = (axis: number) => (axes.length < 2 ? width / 2 : left + (axis * (width - left - right)) / (axes.length - 1))
  const y = (at: number) => height - bottom - at * (height - top - bottom)
  const line = (row: readonly PageValue[]) => {
    context.beginPath()
    let drawn = false
    axes.forEach((axis, n) => {
      const at = axis.place(row[n] ?? null)
      if (at === undefined) {
        drawn = false
        return
      }
      if (drawn) context.lineTo(x(n), y(at))
      else context.moveTo(x(n), y(at))
      drawn = true
    })
    context.stroke()
  }
  context.lineWidth = 1
  context.strokeStyle = colour('first')
  context.globalAlpha = Math.max(0.04, Math.min(0.5, 40 / rows.length))
  rows.forEach((row, n) => {
    if (!isChosen(n)) line(row)
  })
  context.globalAlpha = 1
  context.lineWidth = 2
  context.strokeStyle = colour('second')
  rows.forEach((row, n) => {
    if (isChosen(n)) line(row)
  })
  context.lineWidth = 1
  axes.forEach((axis, n) => {
    context.strokeStyle = colour('muted')
    context.beginPath()
    context.moveTo(x(n), y(0))
    context.lineTo(x(n), y(1))
    context.stroke()
    context.font = '600 12px system-ui, sans-serif'
    context.fillStyle = colour('ink')
    context.textAlign = n === 0 ? 'left' : n === axes.length - 1 ? 'right' : 'center'
    const short = axis.name.slice(axis.name.lastIndexOf('.') + 1)
    context.fillText(short, n === 0 ? 2 : n === axes.length - 1 ? width - 2 : x(n), 14)
    context.font = '11px system-ui, sans-serif'
    context.textAlign = 'left'
    for (const { text, centre } of spaced(axis, y, () => 11)) {
      context.lineWidth = 4
      context.strokeStyle = colour('paper')
      context.strokeText(text, x(n) + 5, centre + 4)
      context.lineWidth = 1
      context.fillText(text, x(n) + 5, centre + 4)
    }
  })
}

/** Runs as dots: a setting along, a result up. */
export const drawDots = (
  { context, width, height, colour, spaced }: Board,
  [along, up]: readonly [PageAxis, PageAxis],
  rows: readonly (readonly [PageValue, PageValue])[],
  isChosen: (row: number) => boolean,
): void => {
  const [top, bottom, left, right] = [10, 24, 58, 24]
  const inset = 12 // a dot at the edge stays clear of the words beside it
  const x = (at: number) => left + inset + at * (width - left - right - inset)
  const y = (at: number) => height - bottom - at * (height - top - bottom)
  context.font = '11px system-ui, sans-serif'
  context.lineWidth = 1
  context.textAlign = 'right'
  for (const { text, centre } of spaced(up, y, () => 11)) {
    context.strokeStyle = colour('faint')
    context.beginPath()
    context.moveTo(left, centre)
    context.lineTo(width - right, centre)
    context.stroke()
    context.fillStyle = colour('muted')
    context.fillText(text, left - 6, centre + 4)
  }
  context.textAlign = 'center'
  const widthOf = (text: string) => context.measureText(text).width + 4
  for (const { text, centre } of spaced(along, x, widthOf, [0, width])) context.fillText(text, centre, height - 6)
  const dot = (row: readonly [PageValue, PageValue], n: number, size: number) => {
    const [across, above] = [along.place(row[0]), up.place(row[1])]
    if (across === undefined || above === undefined) return
    const spread = (((n * 0.618034) % 1) - 0.5) * 10 // dots of one value beside each other, always the same way
    context.beginPath()
    context.arc(x(across) + spread, y(above), size, 0, 2 * Math.PI)
    context.fill()
  }
  context.fillStyle = colour('first')
  context.globalAlpha = Math.max(0.15, Math.min(0.7, 200 / rows.length))
  rows.forEach((row, n) => {
    if (!isChosen(n)) dot(row, n, 3)
  })
  context.globalAlpha = 1
  context.fillStyle = colour('second')
  rows.forEach((row, n) => {
    if (isChosen(n)) dot(row, n, 4)
  })
}

/** A line a run over its epochs, each in a colour and with a dash of its own. */
export const drawCurves = (
  { context, width, height, colour, spaced }: Board,
  up: PageAxis,
  curves: readonly { readonly epochs: readonly number[]; readonly values: readonly (number | null)[] }[],
): void => {
  const [top, bottom, left, right] = [10, 26, 58, 16]
  const last = curves.reduce((most, { epochs }) => Math.max(most, epochs[epochs.length - 1] ?? 1), 1)
  const x = (epoch: number) => left + (last === 1 ? 0.5 : (epoch - 1) / (last - 1)) * (width - left - right)
  const y = (at: number) => height - bottom - at * (height - top - bottom)
  context.font = '11px system-ui, sans-serif'
  context.textAlign = 'right'
  for (const { text, centre } of spaced(up, y, () => 11)) {
    context.strokeStyle = colour('faint')
    context.beginPath()
    context.moveTo(left, centre)
    context.lineTo(width - right, centre)
    context.stroke()
    context.fillStyle = colour('muted')
    context.fillText(text, left - 6, centre + 4)
  }
  context.textAlign = 'center'
  context.fillStyle = colour('muted')
  context.fillText('epoch 1', x(1), height - 6)
  if (last > 1) context.fillText(String(last), x(last), height - 6)
  context.lineWidth = 2
  curves.forEach(({ epochs, values }, n) => {
    context.strokeStyle = colour(`series-${n % 6}`)
    context.fillStyle = colour(`series-${n % 6}`)
    context.setLineDash([[], [6, 3], [2, 3], [9, 3, 2, 3], [12, 4], [4, 2, 1, 2]][n % 6] ?? [])
    context.beginPath()
    let drawn = false
    values.forEach((value, at) => {
      const place = up.place(value)
      if (place === undefined) {
        drawn = false
        return
      }
      if (drawn) context.lineTo(x(epochs[at] ?? at + 1), y(place))
      else context.moveTo(x(epochs[at] ?? at + 1), y(place))
      drawn = true
    })
    context.stroke()
    context.setLineDash([])
    values.forEach((value, at) => {
      const place = up.place(value)
      if (place === undefined || values.length > 40) return
      context.beginPath()
      context.arc(x(epochs[at] ?? at + 1), y(place), 2.5, 0, 2 * Math.PI)
      context.fill()
    })
  })
}
