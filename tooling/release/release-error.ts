/** What whoever releases can mend: it ends a script with a sentence, not a stack. */
export class ReleaseError extends Error {
  override name = 'ReleaseError'
}
