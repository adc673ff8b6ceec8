/** A column: its heading, and whether its cells are words (to the left) or numbers (to the right). */
export interface Column {
  readonly heading: string
  readonly align: 'left' | 'right'
  /** If a table is too wide, columns with this number are left out, the largest number first. */
  readonly spare?: number
}

/** How to show a table in a terminal. */
export interface TextTableOptions {
  /** Characters that fit on a line; as many as the table needs by default. */
  readonly width?: number | undefined
}

/** Text from outside for a terminal: a name that holds control characters can neither break a line nor colour it. */
export const printable = (text: string): string => text.replace(/\p{Cc}/gu, '\u00b7')

/** Text from outside for Markdown: shown as it is, on one line, never taken for a link, an image, HTML or a cell's end. */
export const markdownEscaped = (text: string): string =>
  printable(text.replace(/\s+/g, ' '))
    .replace(/[\\|`*_[\]]/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')

/**
 * A table for a terminal: columns two spaces apart, a thin line under the headings. If it is too wide, columns that can be spared are
 * left out, then columns move closer together, and finally each cell gets a line.
 */
export const textTable = (
  given: readonly Column[],
  rowsGiven: readonly (readonly string[])[],
  { width = Infinity }: TextTableOptions = {},
): string => fittedTable(given, rowsGiven, width) ?? cellByCell(given, rowsGiven, width)

/** The table as long as its columns fit beside each other, else undefined. */
export const fittedTable = (
  given: readonly Column[],
  rowsGiven: readonly (readonly string[])[],
  width: number,
): string | undefined => {
  const columns = given.map((column) => ({ ...column, heading: printable(column.heading) }))
  const rows = rowsGiven.map((row) => row.map(printable))
  const widths = columns.map(({ heading }, c) => Math.max(heading.length, ...rows.map((row) => row[c]?.length ?? 0)))
  const total = (shown: readonly number[], gap: number) =>
    shown.reduce((sum, c) => sum + (widths[c] ?? 0), 0) + gap * Math.max(0, shown.length - 1)
  let shown = [...columns.keys()]
  const spared = shown.filter((c) => columns[c]?.spare !== undefined)
  spared.sort((a, b) => (columns[a]?.spare ?? 0) - (columns[b]?.spare ?? 0))
  while (total(shown, 2) > width && spared.length > 0) {
    const left = spared.pop()
    shown = shown.filter((c) => c !== left)
  }
  const gap = total(shown, 2) <= width ? 2 : 1
  if (total(shown, gap) > width) return undefined
  const line = (cells: readonly string[]) =>
    shown
      .map((c) =>
        columns[c]?.align === 'right'
          ? (cells[c] ?? '').padStart(widths[c] ?? 0)
          : (cells[c] ?? '').padEnd(widths[c] ?? 0),
      )
      .join(' '.repeat(gap))
      .trimEnd()
  const rule = shown.map((c) => '─'.repeat(widths[c] ?? 0)).join(' '.repeat(gap))
  return [line(columns.map(({ heading }) => heading)), rule, ...rows.map(line)].join('\n')
}

/** The first cell of each row over the others, each behind its heading. */
const cellByCell = (columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string => {
  const headings = columns.slice(1).map((column) => printable(column.heading))
  const most = Math.min(Math.max(...headings.map((heading) => heading.length)), Math.floor(width / 2))
  const each = rows.map((row) => {
    const [first = '', ...cells] = row.map(printable)
    return [first, ...cells.map((cell, c) => `  ${(headings[c] ?? '').padEnd(most)}  ${cell}`.trimEnd())].join('\n')
  })
  return each.join('\n')
}

/** A table in Markdown. Cells may hold anything: whatever would end one is escaped. */
export const markdownTable = (columns: readonly Column[], rows: readonly (readonly string[])[]): string => {
  const line = (cells: readonly string[]) => `| ${cells.map(markdownEscaped).join(' | ')} |`
  const rule = `| ${columns.map(({ align }) => (align === 'right' ? '---:' : ':---')).join(' | ')} |`
  return [line(columns.map(({ heading }) => heading)), rule, ...rows.map(line)].join('\n')
}
