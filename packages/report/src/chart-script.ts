// What a report's page does with its curves. The function is written into the page as it is, so it uses nothing but what is in it.
import type { LineChart } from './line-charts'

/** Puts in the place of each figure that holds its numbers one that answers: read-outs, a legend that switches, axes, smoothing. */
export const chartScript = (): void => {
  const svgSpace = 'http://www.w3.org/2000/svg'
  const add = (parent: Element, name: string, attributes: Record<string, string | number>, text = ''): Element => {
    const made = document.createElementNS(svgSpace, name)
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value))
    made.textContent = text
    parent.append(made)
    return made
  }
  const html = <K extends keyof HTMLElementTagNameMap>(
    parent: Element,
    name: K,
    attributes: Record<string, string> = {},
    text = '',
  ): HTMLElementTagNameMap[K] => {
    const made = document.createElement(name)
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
    made.textContent = text
    parent.append(made)
    return made
  }
  /** Means of so many neighbours on either side; what is no number is left out. */
  const smoothed = (values: readonly (number | null)[], half: number): (number | null)[] =>
    half === 0
      ? [...values]
      : values.map((_, i) => {
          let [sum, count] = [0, 0]
          for (let n = Math.max(0, i - half); n <= Math.min(values.length - 1, i + half); n++) {
            const value = values[n] ?? null
            if (value === null) continue
            sum += value
            count++
          }
          return count > 0 ? sum / count : null
        })
  /** Round numbers, about as many as asked for. */
  const round = (low: number, high: number, about: number): number[] => {
    const rough = (high - low) / Math.max(1, about)
    if (!(rough > 0)) return [low]
    const power = 10 ** Math.floor(Math.log10(rough))
    const step = ([1, 2, 5].find((digit) => digit * power >= rough * 0.999) ?? 10) * power
    const ticks: number[] = []
    for (let n = Math.ceil(low / step - 1e-9); n * step <= high + step * 1e-9; n++)
      ticks.push(Number((n * step).toPrecision(12)))
    return ticks
  }
  /** 1, 2 and 5 of each power of ten; powers alone where there are many. */
  const logarithmic = (low: number, high: number): number[] => {
    const powers = Math.log10(high) - Math.log10(low)
    const ticks: number[] = []
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
      for (const digit of powers > 3 ? [1] : [1, 2, 5]) {
        const tick = digit * 10 ** power
        if (tick >= low && tick <= high) ticks.push(tick)
      }
    return ticks.length > 1 ? ticks : round(low, high, 4)
  }

  const begin = (figure: HTMLElement): void => {
    const chart = JSON.parse(figure.dataset['lines'] ?? '') as LineChart
    const title = figure.querySelector('figcaption')?.firstChild?.textContent ?? ''
    const off = new Set<number>()
    const positive = chart.lines.every(({ y, low = [] }) =>
      [...y, ...low].every((value) => value === null || value > 0),
    )
    let log = positive && chart.rate !== true
    let half = chart.smooth ?? 0
    /** Where the pointer or the keyboard is, by the numbers of the axis. */
    let at: number | undefined
    const number = (value: number): string =>
      chart.rate === true
        ? `${(100 * value).toFixed(2)} %`
        : value < 0.001
          ? value.toExponential(2)
          : String(Number(value.toPrecision(4)))
    const tick = (value: number): string =>
      chart.rate === true ? `${Number((100 * value).toFixed(3))} %` : String(Number(value.toPrecision(6)))

    const board = document.createElement('div')
    board.className = 'live'
    const legend = html(board, 'div', { class: 'series', role: 'group', 'aria-label': 'Series' })
    chart.lines.forEach(({ label, colour, dash }, n) => {
      const button = html(legend, 'button', { type: 'button', 'aria-pressed': 'true' })
      const sign = document.createElementNS(svgSpace, 'svg')
      for (const [key, value] of [
        ['width', '24'],
        ['height', '10'],
        ['aria-hidden', 'true'],
      ] as const)
        sign.setAttribute(key, value)
      add(sign, 'line', {
        x1: 0,
        x2: 24,
        y1: 5,
        y2: 5,
        stroke: colour,
        'stroke-width': 2.4,
        'stroke-dasharray': dash || 'none',
      })
      button.append(sign, label)
      button.addEventListener('click', () => {
        if (!off.delete(n)) off.add(n)
        button.setAttribute('aria-pressed', String(!off.has(n)))
        draw()
      })
    })
    const place = html(board, 'div', {
      class: 'place',
      tabindex: '0',
      role: 'slider',
      'aria-label': `${title}: values by ${chart.x}`,
    })
    const read = html(board, 'p', { class: 'read' })
    const controls = html(board, 'div', { class: 'axes' })
    if (positive) {
      const label = html(controls, 'label')
      const box = html(label, 'input', { type: 'checkbox' })
      box.checked = log
      label.append(` logarithmic ${chart.y}`)
      box.addEventListener('change', () => {
        log = box.checked
        draw()
      })
    }
    if (chart.lines.some(({ noisy }) => noisy)) {
      const label = html(controls, 'label', {}, 'smoothing ')
      const most = Math.max(10, ...chart.lines.map(({ x }) => Math.floor(x.length / 20)))
      const range = html(label, 'input', { type: 'range', min: '0', max: String(most), value: String(half) })
      range.addEventListener('input', () => {
        half = range.valueAsNumber
        draw()
      })
    }

    const xs = chart.lines.flatMap(({ x }) => [...x])
    const [first, last] = [Math.min(...xs), Math.max(...xs)]
    const [left, right, top, bottom, height] = [52, 14, 10, 36, 300]
    let width = 0
    const across = (x: number): number => left + ((x - first) / (last - first || 1)) * (width - left - right)

    const draw = (): void => {
      width = place.clientWidth
      if (width < 120) return
      const lines = chart.lines.flatMap((line, n) => {
        if (off.has(n)) return []
        const by = line.noisy === true ? half : 0
        const smooth = (values: readonly (number | null)[] | undefined) => values && smoothed(values, by)
        return [{ ...line, y: smoothed(line.y, by), low: smooth(line.low), high: smooth(line.high) }]
      })
      const values = lines
        .flatMap(({ y, low = [], high = [] }) => [...y, ...low, ...high])
        .filter((value): value is number => value !== null)
      const [least, most] = values.length > 0 ? [Math.min(...values), Math.max(...values)] : [0.1, 1]
      const room = 0.05 * (most - least) || 0.05 * Math.abs(most) || 1
      const low = log ? least / 1.1 : chart.rate === true ? Math.max(0, least - room) : Math.min(0, least)
      const high = log ? most * 1.1 : chart.rate === true ? Math.min(1, most + room) : most + room
      const scale = (value: number): number => (log ? Math.log(value) : value)
      const down = (value: number): number =>
        top + (1 - (scale(value) - scale(low)) / (scale(high) - scale(low) || 1)) * (height - top - bottom)
      const svg = document.createElementNS(svgSpace, 'svg')
      for (const [key, value] of [
        ['width', width],
        ['height', height],
        ['viewBox', `0 0 ${width} ${height}`],
        ['aria-hidden', 'true'],
        ['font-size', 12],
      ] as const)
        svg.setAttribute(key, String(value))
      for (const value of log ? logarithmic(low, high) : round(low, high, 5)) {
        add(svg, 'line', { x1: left, x2: width - right, y1: down(value), y2: down(value), stroke: 'var(--faint)' })
        add(svg, 'text', { x: left - 6, y: down(value) + 4, 'text-anchor': 'end', fill: 'var(--muted)' }, tick(value))
      }
      for (const value of round(first, last, width / 90).filter((value) => Number.isInteger(value)))
        add(
          svg,
          'text',
          { x: across(value), y: height - 20, 'text-anchor': 'middle', fill: 'var(--muted)' },
          value.toLocaleString('en'),
        )
      add(
        svg,
        'text',
        { x: (left + width - right) / 2, y: height - 3, 'text-anchor': 'middle', fill: 'var(--muted)' },
        chart.x,
      )
      const path = (x: readonly number[], y: readonly (number | null)[]): string => {
        let pen = 'M'
        return x
          .map((each, i) => {
            const value = y[i] ?? null
            if (value === null) {
              pen = 'M'
              return ''
            }
            const point = `${pen}${across(each).toFixed(1)} ${down(value).toFixed(1)}`
            pen = 'L'
            return point
          })
          .join('')
      }
      for (const { x, low, high, colour } of lines) {
        if (!low || !high) continue
        // What is no number would leave a hole in the band: it is drawn where both its edges are there.
        const inner = x.map((_, i) => i).filter((i) => (low[i] ?? null) !== null && (high[i] ?? null) !== null)
        const edge = (values: readonly (number | null)[], order: number[]) =>
          order
            .map(
              (i) =>
                `${across(x[i] ?? 0).toFixed(1)} ${down(Math.max(log ? least : -Infinity, values[i] ?? 0)).toFixed(1)}`,
            )
            .join('L')
        if (inner.length > 0)
          add(svg, 'path', {
            d: `M${edge(high, inner)}L${edge(low, [...inner].reverse())}Z`,
            fill: colour,
            'fill-opacity': 0.18,
          })
      }
      for (const { x, y, colour, dash, noisy } of lines) {
        add(svg, 'path', {
          d: path(x, y),
          fill: 'none',
          stroke: colour,
          'stroke-width': 2.2,
          'stroke-dasharray': dash || 'none',
          'stroke-linejoin': 'round',
        })
        if (noisy !== true && x.length <= 60)
          x.forEach((each, i) => {
            const value = y[i] ?? null
            if (value !== null) add(svg, 'circle', { cx: across(each), cy: down(value), r: 3.5, fill: colour })
          })
      }
      let said = `Point at the chart, or use the arrow keys, to read its values.`
      if (at !== undefined) {
        const here = at
        add(svg, 'line', {
          x1: across(here),
          x2: across(here),
          y1: top,
          y2: height - bottom,
          stroke: 'var(--muted)',
          'stroke-dasharray': '2 3',
        })
        const parts = lines.flatMap(({ label, x, y, colour }) => {
          let nearest = 0
          x.forEach((each, i) => {
            if (Math.abs(each - here) < Math.abs((x[nearest] ?? 0) - here)) nearest = i
          })
          const value = y[nearest] ?? null
          // Of another's points this one may have none nearby.
          if (value === null || Math.abs((x[nearest] ?? 0) - here) > (last - first) / 20) return []
          add(svg, 'circle', {
            cx: across(x[nearest] ?? 0),
            cy: down(value),
            r: 4.5,
            fill: colour,
            stroke: 'var(--paper)',
          })
          return [`${label} ${number(value)}`]
        })
        said = `${chart.x} ${Math.round(here).toLocaleString('en')}: ${parts.join(', ') || 'no value'}`
      }
      read.textContent = said
      place.setAttribute('aria-valuemin', String(Math.floor(first)))
      place.setAttribute('aria-valuemax', String(Math.ceil(last)))
      place.setAttribute('aria-valuenow', String(Math.round(at ?? first)))
      place.setAttribute('aria-valuetext', said)
      place.replaceChildren(svg)
    }

    const points = [...new Set(xs)].sort((a, b) => a - b)
    const nearestTo = (x: number): number =>
      points.reduce((best, each) => (Math.abs(each - x) < Math.abs(best - x) ? each : best), points[0] ?? 0)
    place.addEventListener('pointermove', (event) => {
      const x = event.clientX - place.getBoundingClientRect().left
      at = nearestTo(first + ((x - left) / (width - left - right)) * (last - first))
      draw()
    })
    place.addEventListener('pointerleave', () => {
      at = undefined
      draw()
    })
    place.addEventListener('keydown', (event) => {
      const now = points.indexOf(at ?? NaN)
      const far = Math.max(1, Math.round(points.length / 20))
      const to = {
        ArrowLeft: now - 1,
        ArrowRight: now + 1,
        PageDown: now - far,
        PageUp: now + far,
        Home: 0,
        End: points.length - 1,
      }[event.key]
      if (to === undefined) return
      event.preventDefault()
      at = points[Math.max(0, Math.min(points.length - 1, to))]
      draw()
    })
    figure.append(board)
    figure.classList.add('answers')
    new ResizeObserver(draw).observe(place) // also where a folded run is opened
    draw()
  }
  for (const figure of document.querySelectorAll<HTMLElement>('figure[data-lines]')) begin(figure)
}

/** What it needs of styles: the drawn figure stays for print, and where there is no script. */
export const chartCss = `
.live{display:none}
figure.answers .live{display:block}figure.answers>svg{display:none!important}
.series,.axes{display:flex;flex-wrap:wrap;gap:4px 16px;align-items:center;font-size:.85rem}
.series button{display:inline-flex;gap:6px;align-items:center;padding:3px 6px;border:1px solid transparent;border-radius:5px;background:none;color:inherit;font:inherit;cursor:pointer}
.series button:hover{border-color:var(--faint)}
.series button[aria-pressed=false]{color:var(--muted);text-decoration:line-through}
.series button[aria-pressed=false] svg{opacity:.25}
.live svg{display:inline-block;width:auto;max-width:none}
.place{cursor:crosshair;touch-action:pan-y;height:300px}
.place svg{display:block}
.live :focus-visible{outline:2px solid var(--first);outline-offset:1px}
.read{min-height:1.5em;margin:2px 0 6px;font-size:.85rem;font-variant-numeric:tabular-nums;color:var(--muted)}
.axes label{display:inline-flex;gap:6px;align-items:center}
.axes input{accent-color:var(--first)}
@media print{figure.answers .live{display:none}figure.answers>svg.wide{display:block!important}}
`.trim()
