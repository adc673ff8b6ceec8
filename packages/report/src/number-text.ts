/** A share as 98.55 %; null as a dash. */
export const percent = (share: number | null, digits = 2): string =>
  share === null ? '-' : `${(100 * share).toFixed(digits)} %`

/** A count, rounded to a whole number: 60,000. Not by the engine's own formats: the first use of those takes 15 ms. */
export const grouped = (value: number): string => {
  const whole = Math.round(value)
  return Number.isSafeInteger(whole) ? String(whole).replace(/\B(?=(\d{3})+$)/g, ',') : value.toLocaleString('en-US')
}

/**
 * A time in seconds as 0.25 s, 3.2 s, 42 s, 4 min 05 s, 1 h 20 min; a dash where it is not finite.
 *
 * @param whole leaves out fractions of a second, for an estimate
 */
export const duration = (seconds: number, { whole = false }: { readonly whole?: boolean } = {}): string => {
  if (!Number.isFinite(seconds)) return '–'
  if (seconds < 9.95 && !whole) return `${seconds.toFixed(seconds < 0.995 ? 2 : 1)} s`
  const rounded = Math.max(0, Math.round(seconds))
  if (rounded < 60) return `${rounded} s`
  const twoDigits = (count: number) => String(count).padStart(2, '0')
  const minutes = Math.floor(rounded / 60)
  if (minutes < 60) return `${minutes} min ${twoDigits(rounded % 60)} s`
  return `${grouped(Math.floor(minutes / 60))} h ${twoDigits(minutes % 60)} min`
}
