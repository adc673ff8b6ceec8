// Where in a drawing something is, in words: for who cannot see it.
import type { Evidence } from '../protocol'

const rows = ['at the top', 'in the middle', 'at the bottom'] as const
const columns = ['left', '', 'right'] as const

const wordsFor = (row: number, column: number): string =>
  row === 1 && column !== 1 ? `on the ${columns[column]}` : [rows[row], columns[column]].filter(Boolean).join(' ')

/** The ninth of the drawing whose ink speaks most for the class, and the one most against it; undefined where none does. */
export const placesOf = ({ form, height, width, values }: Evidence): { most?: string; least?: string } => {
  const sums = Array<number>(9).fill(0)
  form.forEach((shade, pixel) => {
    const row = Math.floor((3 * Math.floor(pixel / width)) / height)
    const at = 3 * row + Math.floor((3 * (pixel % width)) / width)
    sums[at] = (sums[at] ?? 0) + (shade * (values[pixel] ?? 0)) / (255 * 127)
  })
  const [most, least] = [Math.max(...sums), Math.min(...sums)]
  const said = (value: number) => {
    const at = sums.indexOf(value)
    return wordsFor(Math.floor(at / 3), at % 3)
  }
  return { ...(most > 0 ? { most: said(most) } : {}), ...(least < 0 ? { least: said(least) } : {}) }
}
