// What the page of a report does once it is open: its text, and the hash by which the page's policy lets it run.
import { chartCss, chartScript } from './chart-script'

export interface PageScript {
  readonly text: string
  /** The SHA-256 of the text in base64: the page runs this script and no other. */
  readonly sha256: string
  /** What it needs of styles. */
  readonly css: string
}

/** @param text the script as it stands in the page */
export const pageScript = async (text: string, css: string): Promise<PageScript> => {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return { text, css, sha256: btoa(String.fromCharCode(...hash)) }
}

/** The script of a report with curves; undefined on plain http, where a browser makes no hashes: the report is whole without it. */
export const reportScript = async (): Promise<PageScript | undefined> =>
  globalThis.crypto?.subtle ? pageScript(`(${chartScript.toString()})()`, chartCss) : undefined
