import type { Figure } from '@digitlab/report/figures'

/** A figure in a picture, and where its upper left corner lies. */
interface Placed {
  readonly figure: Figure
  readonly x: number
  readonly y: number
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

/** Figures of one theme as one SVG document. */
export const sideBySide = (placed: readonly Placed[], paper: string, alt: string): string => {
  const width = Math.max(...placed.map(({ figure, x }) => x + figure.width))
  const height = Math.max(...placed.map(({ figure, y }) => y + figure.height))
  const figures = placed.map(({ figure: { svg }, x, y }) =>
    svg.replace(/^<svg /, `<svg x="${x}" y="${y}" `).replace(/ role="img" aria-label="[^"]*"/, ''),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escaped(alt)}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" rx="10" fill="${paper}"/>`,
    ...figures,
    '</svg>\n',
  ].join('\n')
}
