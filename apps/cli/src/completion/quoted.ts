/** A word that no shell reads anything into. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
