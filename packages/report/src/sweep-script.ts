// What the page of a sweep does. The function is written into the page as it is, with the charts, so it uses nothing but what it is given.
import type { axisOf, Board, drawCurves, drawDots, drawParallel, PageValue, spacedTicks } from './sweep-charts'

/** The runs of a sweep, as the page holds them. */
export interface PageRuns {
  readonly fields: readonly string[]
  /** How many of the fields are settings; the others are results. */
  readonly settings: number
  /** Settings in which the runs differ. */
  readonly varying: readonly string[]
  /** By row, by field. */
  readonly rows: readonly (readonly PageValue[])[]
  /** By row: a list of values an epoch, by name. */
  readonly curves: readonly Readonly<Record<string, readonly (number | null)[]>>[]
  /** Results to choose from, the best one first. */
  readonly metrics: readonly string[]
}

interface Charts {
  readonly axisOf: typeof axisOf
  readonly spacedTicks: typeof spacedTicks
  readonly drawParallel: typeof drawParallel
  readonly drawDots: typeof drawDots
  readonly drawCurves: typeof drawCurves
}

/** Fills the page. */
export const sweepScript = (charts: Charts): void => {
  const find = (id: string): HTMLElement => {
    const found = document.getElementById(id)
    if (!found) throw new Error(`the page has no ${id}`)
    return found
  }
  const { fields, settings, varying, rows, curves, metrics } = JSON.parse(find('runs').textContent ?? '') as PageRuns
  const perPage = 50
  const mostCurves = 6
  const metric = find('metric') as HTMLSelectElement
  const search = find('search') as HTMLInputElement
  const column = (name: string) => fields.indexOf(name)
  const valueOf = (row: number, name: string): PageValue => rows[row]?.[column(name)] ?? null
  const shownFields = [...varying, ...metrics, ...(column('secondsPerEpoch') < 0 ? [] : ['secondsPerEpoch'])]
  const short = (name: string) => name.slice(name.lastIndexOf('.') + 1)
  const text = (name: string, value: PageValue): string => {
    if (value === null) return '–'
    if (typeof value !== 'number') return String(value)
    if (/accuracy$/i.test(name)) return `${(100 * value).toFixed(2)} %`
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))
  }
  let sorted = { name: metrics[0] ?? fields[0] ?? '', descending: /accuracy$/i.test(metrics[0] ?? '') }
  let pageNumber = 0
  let visible: number[] = []
  const chosen = new Set<number>()

  const order = (a: number, b: number): number => {
    const [left, right] = [valueOf(a, sorted.name), valueOf(b, sorted.name)]
    if (left === right) return a - b
    if (left === null) return 1
    if (right === null) return -1
    return left < right !== sorted.descending ? -1 : 1
  }
  const best = () => {
    chosen.clear()
    const name = metric.value
    const upwards = /accuracy$/i.test(name)
    const ranked = rows.map((_, n) => n).filter((n) => valueOf(n, name) !== null)
    ranked.sort((a, b) => (Number(valueOf(a, name)) - Number(valueOf(b, name))) * (upwards ? -1 : 1))
    ranked.slice(0, 5).forEach((n) => chosen.add(n))
  }
  const filter = () => {
    const words = search.value
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '')
    const matches = (row: number) =>
      words.every((word) => {
        const [, name, wanted] = /^([^=]+)=(.*)$/.exec(word) ?? []
        if (name !== undefined && wanted !== undefined) {
          const field = fields.find((each) => each.toLowerCase() === name || short(each).toLowerCase() === name)
          return field !== undefined && String(valueOf(row, field)).toLowerCase() === wanted
        }
        return (rows[row] ?? []).some(
          (value, n) => (n < settings || fields[n] === 'folder') && String(value).toLowerCase().includes(word),
        )
      })
    visible = rows.map((_, n) => n).filter(matches)
    visible.sort(order)
  }

  const cell = (tag: string, words: string, isNumber: boolean): HTMLElement => {
    const made = document.createElement(tag)
    made.textContent = words
    if (isNumber) made.className = 'number'
    return made
  }
  const drawTable = () => {
    const table = find('table')
    const head = document.createElement('tr')
    head.append(cell('th', 'curve', false))
    for (const name of shownFields) {
      const heading = cell(
        'th',
        '',
        visible.some((row) => typeof valueOf(row, name) === 'number'),
      )
      const button = document.createElement('button')
      const isSorted = sorted.name === name
      button.textContent = `${short(name)}${isSorted ? (sorted.descending ? ' ↓' : ' ↑') : ''}`
      button.title = name
      heading.setAttribute('aria-sort', isSorted ? (sorted.descending ? 'descending' : 'ascending') : 'none')
      button.addEventListener('click', () => {
        sorted = { name, descending: isSorted ? !sorted.descending : /accuracy$/i.test(name) }
        pageNumber = 0
        draw()
      })
      heading.append(button)
      head.append(heading)
    }
    const lines = visible.slice(pageNumber * perPage, (pageNumber + 1) * perPage).map((row) => {
      const line = document.createElement('tr')
      const box = document.createElement('input')
      box.type = 'checkbox'
      box.checked = chosen.has(row)
      box.setAttribute('aria-label', `draw the curve of ${String(valueOf(row, 'folder'))}`)
      box.addEventListener('change', () => {
        if (box.checked) chosen.add(row)
        else chosen.delete(row)
        drawCharts()
      })
      const first = document.createElement('td')
      first.append(box)
      line.append(
        first,
        ...shownFields.map((name) =>
          cell('td', text(name, valueOf(row, name)), typeof valueOf(row, name) === 'number'),
        ),
      )
      line.title = String(valueOf(row, 'folder'))
      return line
    })
    table.replaceChildren(head, ...lines)
    const pages = Math.max(1, Math.ceil(visible.length / perPage))
    find('count').textContent = `${visible.length} of ${rows.length} runs, page ${pageNumber + 1} of ${pages}`
    ;(find('back') as HTMLButtonElement).disabled = pageNumber === 0
    ;(find('next') as HTMLButtonElement).disabled = pageNumber >= pages - 1
  }

  const board = (canvas: HTMLCanvasElement): Board | undefined => {
    const { width, height } = canvas.getBoundingClientRect()
    const context = canvas.getContext('2d')
    if (!context || width === 0) return undefined
    const scale = window.devicePixelRatio
    canvas.width = Math.round(width * scale)
    canvas.height = Math.round(height * scale)
    context.scale(scale, scale)
    const style = getComputedStyle(document.documentElement)
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim()
    return { context, width, height, colour, spaced: charts.spacedTicks }
  }
  const drawCharts = () => {
    const name = metric.value
    const up = charts.axisOf(
      name,
      visible.map((row) => valueOf(row, name)),
    )
    const isChosen = (n: number) => chosen.has(visible[n] ?? -1)
    const parallel = board(find('parallel') as HTMLCanvasElement)
    // On a phone there is room for few axes: those that are left out have their dots below.
    const across = parallel ? varying.slice(0, Math.max(1, Math.floor(parallel.width / 90) - 1)) : []
    const axes = [
      ...across.map((each) =>
        charts.axisOf(
          each,
          visible.map((row) => valueOf(row, each)),
        ),
      ),
      up,
    ]
    if (parallel)
      charts.drawParallel(
        parallel,
        axes,
        visible.map((row) => [...across.map((each) => valueOf(row, each)), valueOf(row, name)]),
        isChosen,
      )
    for (const canvas of document.querySelectorAll<HTMLCanvasElement>('canvas[data-setting]')) {
      const setting = canvas.dataset['setting'] ?? ''
      const dots = board(canvas)
      if (!dots) continue
      const along = charts.axisOf(
        setting,
        visible.map((row) => valueOf(row, setting)),
      )
      charts.drawDots(
        dots,
        [along, up],
        visible.map((row) => [valueOf(row, setting), valueOf(row, name)] as const),
        isChosen,
      )
      canvas.setAttribute('aria-label', `${name} of ${visible.length} runs against ${setting}`)
    }
    const picked = [...chosen].filter((row) => curves[row]?.[name]).slice(0, mostCurves)
    const lines = board(find('curves') as HTMLCanvasElement)
    if (lines) {
      const values = picked.map((row) => curves[row]?.[name] ?? [])
      const drawn = picked.map((row, n) => ({
        epochs: (curves[row]?.['epoch'] ?? []).map(Number),
        values: values[n] ?? [],
      }))
      charts.drawCurves(lines, charts.axisOf(name, values.flat()), drawn)
    }
    const legend = picked.map((row, n) => {
      const item = document.createElement('li')
      const sign = document.createElement('span')
      sign.className = `sign sign-${n % mostCurves}`
      item.append(
        sign,
        varying.map((each) => `${short(each)} ${text(each, valueOf(row, each))}`).join(', ') ||
          String(valueOf(row, 'folder')),
      )
      return item
    })
    find('legend').replaceChildren(...legend)
    find('more').textContent =
      chosen.size > picked.length
        ? `${picked.length} of ${chosen.size} chosen runs are drawn: ${mostCurves} are the most, and some have no curve of this figure.`
        : ''
  }
  const draw = () => {
    filter()
    drawTable()
    drawCharts()
  }
  metric.addEventListener('change', () => {
    best()
    draw()
  })
  search.addEventListener('input', () => {
    pageNumber = 0
    draw()
  })
  const turn = (by: number) => () => {
    pageNumber += by
    drawTable()
  }
  find('back').addEventListener('click', turn(-1))
  find('next').addEventListener('click', turn(1))
  window.addEventListener('resize', drawCharts)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawCharts)
  best()
  draw()
}
