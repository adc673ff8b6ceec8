// Numbers and times as the page alone writes them.
import { grouped } from '@digitlab/report'

/** 0.0453; 3.58e+8 of one that grew without bound */
export const loss = (value: number | null | undefined): string => {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  return value < 1000 ? value.toFixed(4) : value.toExponential(2)
}

/** 12 MB, 28 kB */
export const bytes = (count: number): string =>
  count < 1e6 ? `${Math.round(count / 1e3)} kB` : `${(count / 1e6).toFixed(1)} MB`

/** 1,380 images/s */
export const rate = (imagesPerSecond: number): string =>
  imagesPerSecond < 10 ? imagesPerSecond.toFixed(1) : grouped(imagesPerSecond)

/** 24 Nov, 18:30 */
export const moment = (time: number | string): string =>
  new Date(time).toLocaleString('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
