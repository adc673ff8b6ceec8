// Numbers and times as the page writes them.

/** 60,000 */
export const grouped = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 0 })

/** 98.55 % */
export const percent = (share: number, digits = 2): string => `${(100 * share).toFixed(digits)} %`

/** 0.0453; 3.58e+8 of one that grew without bound */
export const loss = (value: number | null | undefined): string => {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  return value < 1000 ? value.toFixed(4) : value.toExponential(2)
}

/** 12 MB, 28 kB */
export const bytes = (count: number): string =>
  count < 1e6 ? `${Math.round(count / 1e3)} kB` : `${(count / 1e6).toFixed(1)} MB`

/** 8 s, 2 min 5 s, 1 h 20 min */
export const duration = (seconds: number): string => {
  if (!Number.isFinite(seconds)) return '–'
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes} min ${whole % 60} s`
  return `${grouped(Math.floor(minutes / 60))} h ${minutes % 60} min`
}

/** 1,380 images/s */
export const rate = (imagesPerSecond: number): string =>
  imagesPerSecond < 10 ? imagesPerSecond.toFixed(1) : grouped(imagesPerSecond)

/** 24 Nov, 18:30 */
export const moment = (time: number | string): string =>
  new Date(time).toLocaleString('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })
