import { createHash } from 'node:crypto'

/** What a source map of ours has in the place of a source's text. */
export const hashOfSource = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16)
