// What the page was set to, kept between visits.
import { dataChoices, type DataChoice, type Settings } from '../protocol'
import { defaultSettings, settingsOf } from '../settings'
import { embedded } from './embedded'

const read = (name: string): unknown => {
  try {
    return JSON.parse(localStorage.getItem(name) ?? 'null')
  } catch {
    return null // no storage here, or something else wrote it
  }
}

/** Keeps a value where that can be; a browser that keeps nothing starts anew each time. */
export const remember = (name: string, value: unknown): void => {
  if (embedded) return // whose page that is decides what it shows
  try {
    localStorage.setItem(name, JSON.stringify(value))
  } catch {
    // as said
  }
}

/** The settings of the last visit, where they are some. */
export const rememberedSettings = (): Settings =>
  embedded ? defaultSettings : settingsOf(read('digitlab-settings'), navigator.hardwareConcurrency)

/** The data set of the last visit; undefined at the first one, when nothing has been fetched. */
export const rememberedData = (): Exclude<DataChoice, 'files'> | undefined => {
  const kept = embedded ? undefined : read('digitlab-data')
  return dataChoices.find((choice) => choice === kept)
}
