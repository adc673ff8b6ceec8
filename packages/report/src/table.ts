/** A column: its heading, and whether its cells are words (to the left) or numbers (to the right). */
export interface Column {
  readonly heading: string
  readonly align: 'left' | 'right'
}

/** Text from outside for a terminal: a name that holds control characters can neither break a line nor colour it. */
export const printable = (text: string): string => text.replace(/\p{Cc}/gu, '\u00b7')

/** Text from outside for Markdown: shown as it is, on one line, never taken for a link, an image, HTML or a cell's end. */
export const markdownEscaped = (text: string): string =>
  printable(text.replace(/\s+/g, ' '))
    .replace(/[\\|`*_[\]]/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')

/** A table for a terminal: columns two spaces apart under a thin line. */
export const textTable = (given: readonly Column[], rowsGiven: readonly (readonly string[])[]): string => {
  const columns = given.map(({ heading, align }) => ({ heading: printable(heading), align }))
  const rows = rowsGiven.map((row) => row.map(printable))
  const widths = columns.map(({ heading }, c) => Math.max(heading.length, ...rows.map((row) => row[c]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, c) => (columns[c]?.align === 'right' ? cell.padStart(widths[c] ?? 0) : cell.padEnd(widths[c] ?? 0)))
      .join('  ')
      .trimEnd()
  const rule = widths.map((width) => '─'.repeat(width)).join('  ')
  return [line(columns.map(({ heading }) => heading)), rule, ...rows.map(line)].join('\n')
}

/** A table in Markdown. Cells may hold anything: what would end one is escaped. */
export const markdownTable = (columns: readonly Column[], rows: readonly (readonly string[])[]): string => {
  const line = (cells: readonly string[]) => `| ${cells.map(markdownEscaped).join(' | ')} |`
  const rule = `| ${columns.map(({ align }) => (align === 'right' ? '---:' : ':---')).join(' | ')} |`
  return [line(columns.map(({ heading }) => heading)), rule, ...rows.map(line)].join('\n')
}

export const percent = (fraction: number | null, digits = 2): string =>
  fraction === null ? '-' : `${(100 * fraction).toFixed(digits)} %`

export const grouped = (value: number): string => value.toLocaleString('en-US')
