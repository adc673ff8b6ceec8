/** Values that make no report. */
export class ReportError extends Error {
  readonly mendable = true
  override name = 'ReportError'
}
