/** Values that a report cannot be made of: lengths that differ, classes out of range. */
export class ReportError extends Error {
  readonly mendable = true
  override name = 'ReportError'
}
