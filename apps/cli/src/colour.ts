// Colour with restraint, for a terminal: what went wrong, what is done, what is aside.
import { WriteStream } from 'node:tty'
import { createColors } from 'picocolors'
import { clean } from './clean'

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** A part of a line: plain, or in a style. */
export type Span = string | { readonly style: Style; readonly text: string }

const depth = (stream: NodeJS.WriteStream): number => {
  const { FORCE_COLOR: forced, NO_COLOR: none } = process.env
  if (forced !== undefined) return WriteStream.prototype.getColorDepth.call(stream, { FORCE_COLOR: forced })
  if (none || !stream.isTTY) return 1
  return stream.getColorDepth({ ...process.env, NO_COLOR: undefined }) // Node takes an empty one for set
}

/**
 * Whether a stream is to be written to in colour: a terminal that has it. NO_COLOR asks for none (no-color.org), FORCE_COLOR for
 * colour where there is no terminal (0 for none; force-color.org).
 *
 * @param bits 4 for the sixteen named colours, 24 for all of them
 */
export const coloured = (stream: NodeJS.WriteStream, bits: 4 | 24 = 4): boolean => depth(stream) >= bits

/** The spans as a stream shows them. What steers a terminal in their text is escaped: colour is ours alone. */
export const painted = (stream: NodeJS.WriteStream, spans: readonly Span[]): string => {
  const colours = createColors(coloured(stream))
  return spans.map((span) => (typeof span === 'string' ? clean(span) : colours[span.style](clean(span.text)))).join('')
}

/** How wide the spans are, in characters. */
export const widthOf = (spans: readonly Span[]): number =>
  spans.reduce((sum, span) => sum + (typeof span === 'string' ? span : span.text).length, 0)

/** The headings of tables bold, the lines below them dim: a table is drawn by `textTable` of the reports. */
export const tableSpans = (text: string): readonly Span[] => {
  const lines = text.split('\n')
  return lines.flatMap((line, i): Span[] => {
    const end = i + 1 < lines.length ? '\n' : ''
    if (isRule(line)) return [{ style: 'dim', text: line }, end]
    return isRule(lines[i + 1] ?? '') ? [{ style: 'bold', text: line }, end] : [line + end]
  })
}

const isRule = (line: string): boolean => /^─[─ ]*$/.test(line)
