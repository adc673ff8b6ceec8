import { escaped, type Figure } from './figure'
import type { PageScript } from './page-script'
import { paletteCss, palettes, seriesCss } from './theme'
import type { Drawable } from './run-figures'

/** Widths that a chart is drawn for: beside another one on a screen, and on a phone. */
const [wide, narrow] = [504, 316]

/** Over both columns. */
const widest = 1040

const root = (theme: 'light' | 'dark') => `${paletteCss(palettes[theme])};${seriesCss(theme)}`

const css = `
:root{color-scheme:light dark;${root('light')}}
@media (prefers-color-scheme:dark){:root{${root('dark')}}.ink{filter:invert(1)}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}
main{max-width:1120px;margin:0 auto;padding:24px 20px 64px}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 4px}
h2{font-size:1.25rem;margin:40px 0 4px;padding-top:16px;border-top:1px solid var(--faint)}
h3{font-size:1.05rem;margin:28px 0 4px}
p{margin:4px 0 12px;max-width:72ch}
a{color:var(--first)}
.lead{color:var(--muted)}
.notice{border:2px solid var(--wrong);border-radius:6px;padding:8px 12px;font-weight:600}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px 20px;margin:16px 0;padding:0}
.numbers dt{color:var(--muted);font-size:.85rem}
.numbers dd{margin:0;font-size:1.3rem;font-weight:600;font-variant-numeric:tabular-nums}
.numbers small{display:block;font-size:.8rem;font-weight:400;color:var(--muted)}
.figures{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:28px 36px;margin-top:16px}
figure{margin:0;break-inside:avoid}
figcaption{font-weight:600;margin-bottom:8px}
figcaption span{display:block;font-weight:400;font-size:.85rem;color:var(--muted)}
figure svg{display:block;width:100%;height:auto;max-width:${wide + 16}px}
figure.whole{grid-column:1/-1}figure.whole svg{max-width:none}
figure .narrow{display:none;max-width:460px}
.scroll{overflow-x:auto;margin:12px 0;background:linear-gradient(90deg,var(--paper) 30%,transparent) 0 0/32px 100% no-repeat local,linear-gradient(270deg,var(--paper) 30%,transparent) 100% 0/32px 100% no-repeat local,linear-gradient(90deg,var(--faint),transparent) 0 0/12px 100% no-repeat scroll,linear-gradient(270deg,var(--faint),transparent) 100% 0/12px 100% no-repeat scroll}
.scroll:focus-visible{outline:2px solid var(--first)}
details{margin:12px 0}
summary{cursor:pointer;color:var(--muted)}
details.run{border-top:1px solid var(--faint);margin:0;padding:12px 0}
details.run summary{display:flex;gap:12px;align-items:baseline;color:inherit}
details.run summary::before{content:'\\25b8';color:var(--muted)}
details.run[open] summary::before{content:'\\25be'}
details.run summary h2{margin:0;padding:0;border:0}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{padding:5px 14px 5px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--faint)}
th{font-weight:600}
.scroll table:not(.pairs) :is(th,td){white-space:nowrap}
td.number,th.number{text-align:right}
.pairs th{font-weight:400;color:var(--muted);white-space:nowrap}
.pairs td{overflow-wrap:anywhere}
code{font:.85em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
@media (max-width:880px){figure.whole .wide{display:none}figure.whole .narrow{display:block}.figures{grid-template-columns:minmax(0,1fr)}}
@media (max-width:500px){main{padding:16px 14px 40px}figure .wide{display:none}figure .narrow{display:block}.pairs th{white-space:normal}}
@media print{figure svg{max-width:400px}:root{color-scheme:light;${root('light')}}.ink{filter:none}main{max-width:none;padding:0}body{font-size:11pt}h2{break-after:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`.trim()

/** A whole page without a font or an address to fetch: everything is in it. It has no script but the one that is given. */
export const page = (title: string, content: string, script?: PageScript): string => {
  const { pictures, shared } = sharePictures(content)
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    // What is embedded can be shown, and nothing else: no markup that got through could load or run anything.
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'${script ? `; script-src 'sha256-${script.sha256}'` : ''}">`,
    `<title>${escaped(title)}</title>`,
    `<style>${css}${script?.css ?? ''}</style>`,
    '</head>',
    `<body>${pictures}<main>${shared}</main>${script ? `<script>${script.text}</script>` : ''}</body>`,
    '</html>',
    '',
  ].join('\n')
}

/**
 * Keeps each picture once, however often figures show it: a digit is there before and after training, for each run, and for
 * a screen and a phone.
 */
const sharePictures = (content: string): { pictures: string; shared: string } => {
  const known = new Map<string, string>()
  const shared = content.replace(
    /<image x="([^"]+)" y="([^"]+)" width="([^"]+)" height="([^"]+)"( class="ink")? preserveAspectRatio="none" xlink:href="(data:[^"]+)"\/>/g,
    (_, x: string, y: string, width: string, height: string, ink: string | undefined, uri: string) => {
      const id = known.get(uri) ?? `picture-${known.size + 1}`
      known.set(uri, id)
      return `<use href="#${id}"${ink ?? ''} transform="translate(${x} ${y}) scale(${width} ${height})"/>`
    },
  )
  const images = [...known].map(
    ([uri, id]) => `<image id="${id}" width="1" height="1" preserveAspectRatio="none" href="${uri}"/>`,
  )
  const hidden = 'width="0" height="0" style="position:absolute" aria-hidden="true"'
  return { pictures: images.length === 0 ? '' : `<svg ${hidden}><defs>${images.join('')}</defs></svg>`, shared }
}

/** A figure in the page: drawn for a screen and for a phone, of which the page shows the one that fits. */
export const figureHtml = (
  { id, draw, lines }: Drawable,
  { caption, whole = false }: { readonly caption?: string | undefined; readonly whole?: boolean } = {},
): string => {
  const at = (width: number, kind: string): Figure & { placed: string } => {
    const figure = draw({ width, theme: 'page', heading: false })
    return { ...figure, placed: figure.svg.replace('<svg ', `<svg class="${kind}" `) }
  }
  const [large, small] = [at(whole ? widest : wide, 'wide'), at(narrow, 'narrow')]
  const more = caption === undefined ? '' : `<span>${escaped(caption)}</span>`
  const numbers = lines ? ` data-lines="${escaped(JSON.stringify(lines()))}"` : ''
  return `<figure${whole ? ' class="whole"' : ''} data-figure="${escaped(id)}"${numbers}><figcaption>${escaped(large.title)}${more}</figcaption>${large.placed}${small.placed}</figure>`
}

/** A cell: words, or a number, which stands at the right. */
export type Cell = string | { readonly number: string }

/** A table with a heading for each column. */
export const tableHtml = (
  headings: readonly Cell[],
  rows: readonly (readonly Cell[])[],
  label = 'table, scrolls to the side',
): string => {
  const cell = (tag: string, value: Cell) =>
    typeof value === 'string'
      ? `<${tag}>${escaped(value)}</${tag}>`
      : `<${tag} class="number">${escaped(value.number)}</${tag}>`
  const line = (tag: string, cells: readonly Cell[]) => `<tr>${cells.map((value) => cell(tag, value)).join('')}</tr>`
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escaped(label)}"><table><thead>${line('th', headings)}</thead><tbody>${rows.map((row) => line('td', row)).join('')}</tbody></table></div>`
}

/** Names and what they stand for. */
export const pairsHtml = (pairs: readonly (readonly [name: string, value: string])[]): string =>
  `<div class="scroll" tabindex="0" role="region" aria-label="table of names and values"><table class="pairs"><tbody>${pairs.map(([name, value]) => `<tr><th scope="row">${escaped(name)}</th><td>${escaped(value)}</td></tr>`).join('')}</tbody></table></div>`

export const numbersHtml = (numbers: readonly (readonly [name: string, value: string, more?: string])[]): string =>
  `<dl class="numbers">${numbers.map(([name, value, more]) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}${more === undefined ? '' : `<small>${escaped(more)}</small>`}</dd></div>`).join('')}</dl>`
