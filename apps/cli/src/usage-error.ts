/** A value on the command line that a user can mend. */
export class UsageError extends Error {
  readonly mendable = true
  override name = 'UsageError'
}

/** A value that an option never takes: the command line is wrong, whatever the files hold. */
export class OptionError extends UsageError {
  override name = 'OptionError'
}
