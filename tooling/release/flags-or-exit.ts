/** What a script is asked for; it ends with a sentence where that cannot be. */
export const flagsOrExit = <T>(parse: (args: string[]) => T): T => {
  try {
    return parse(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message} (--help lists what there is)`)
    process.exit(2)
  }
}
