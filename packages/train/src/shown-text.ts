import { shownValue } from '@digitlab/models'

/** What a file, or a checker of it, says: on one line, short, without control characters. */
export const shownText = (text: string): string => shownValue(text.replaceAll('"', "'").replace(/\.$/, '')).slice(1, -1)
