// A line as full as it has room for.
import { widthOf, type Span } from './colour'

/** A part of a line, and how much it is missed: what has the largest `spare` is left out first; without one it stays. */
interface Part {
  readonly spans: readonly Span[]
  readonly spare?: number
}

/** The parts two spaces apart, without those that there is no room for. */
export const fitted = (parts: readonly Part[], width: number): Span[] => {
  const order = [...parts].sort((a, b) => (b.spare ?? -1) - (a.spare ?? -1)).filter(({ spare }) => spare !== undefined)
  let shown = parts
  const total = () => shown.reduce((sum, { spans }) => sum + widthOf(spans), 2 * (shown.length - 1))
  while (total() > width && order.length > 0) {
    const left = order.shift()
    shown = shown.filter((part) => part !== left)
  }
  return shown.flatMap(({ spans }, i) => (i === 0 ? spans : ['  ', ...spans]))
}

/** How far something is: `████████░░░░`. */
export const bar = (share: number, width: number): Span[] => {
  const done = Math.round(Math.min(1, Math.max(0, share)) * width)
  return [
    { style: 'cyan', text: '█'.repeat(done) },
    { style: 'dim', text: '░'.repeat(width - done) },
  ]
}
