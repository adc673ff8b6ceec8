// The command line of a bench: its flags, its help, and the end in a sentence where it is wrong.
import { parseArgs, type ParseArgsConfig } from 'node:util'

export const say = (sentence: string): void => console.error(sentence)

/** Ends with a sentence where the command line is wrong. */
export const refuse = (sentence: string): never => {
  say(sentence)
  process.exit(2)
}

/** That the command line is wrong, where there is something to tidy up before {@link refuse} ends it. */
export class Refusal extends Error {}

/** The flags that were given, each once; prints the usage and ends where --help is among them. */
export const flagsOf = <C extends ParseArgsConfig>(
  usage: string,
  config: C,
): ReturnType<typeof parseArgs<C>>['values'] => {
  try {
    const { values, tokens = [] } = parseArgs({ ...config, tokens: true })
    const names = tokens.flatMap((token) => (token.kind === 'option' ? [token.name] : []))
    const twice = names.find((name, i) => names.indexOf(name) < i)
    if (twice !== undefined) throw new Error(`--${twice} is given twice: give it once, a list with commas`)
    if (!('help' in values) || values.help !== true) return values
  } catch (error) {
    return refuse(`${(error as Error).message} (--help lists what there is)`)
  }
  console.log(usage)
  process.exit(0)
}
