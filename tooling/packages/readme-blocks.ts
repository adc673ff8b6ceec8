// The code of a README, as a reader would run it.
//
// A block of `js` is a program; one of `js continued` goes on from the blocks before it; one of `js file=worker.js` is a
// file beside them. A block of `sh` has a command of digitlab in each line. One that can't be run says why after its
// language: `sh not run: needs an NVIDIA GPU`.

/** A fenced block: what stands behind its ``` and what is in it. */
interface Block {
  readonly line: number
  readonly language: string
  readonly about: string
  readonly code: string
}

/** A part of a README that is tried by itself. */
export type Sample = { readonly line: number } & (
  | { readonly kind: 'program'; readonly code: string; readonly files: ReadonlyMap<string, string> }
  | { readonly kind: 'commands'; readonly commands: readonly (readonly string[])[] }
  | { readonly kind: 'not run'; readonly reason: string }
)

/** What is shown and not run: output, files and drawings. */
const shown = ['', 'text', 'json', 'html', 'mermaid', 'toml', 'yaml']

const blocksOf = (markdown: string): Block[] =>
  [...markdown.matchAll(/^```([\w-]*)[ \t]*(.*)\n([^]*?)^```$/gm)].map((found) => ({
    line: markdown.slice(0, found.index).split('\n').length,
    language: found[1] ?? '',
    about: found[2] ?? '',
    code: found[3] ?? '',
  }))

/** Everything in a README that can be tried, or says why not. @throws Error for a block of which neither holds */
export const samplesOf = (markdown: string, where: string): Sample[] => {
  const samples: Sample[] = []
  let program: { line: number; kind: 'program'; code: string; files: Map<string, string> } | undefined
  for (const { line, language, about, code } of blocksOf(markdown)) {
    const refuse = (why: string): never => {
      throw new Error(`${where}:${line}: ${why}; a block that can't be run says so: \`\`\`${language} not run: reason`)
    }
    const [, reason] = /^not run: (.+)$/.exec(about) ?? []
    const [, file] = /^file=([\w.-]+)$/.exec(about) ?? []
    if (reason !== undefined) samples.push({ line, kind: 'not run', reason })
    else if (shown.includes(language)) continue
    else if (language === 'sh' && about === '')
      samples.push({ line, kind: 'commands', commands: commandsOf(code, refuse) })
    else if (language !== 'js') refuse(`expected js or sh, found ${language} ${about}`)
    else if (about === '') samples.push((program = { line, kind: 'program', code, files: new Map() }))
    else if (!program) refuse('nothing stands before it that it could continue')
    else if (about === 'continued') program.code += `\n${code}`
    else if (file !== undefined) program.files.set(file, code)
    else refuse(`expected nothing, "continued" or "file=NAME" after js, found ${about}`)
  }
  return samples
}

/** The arguments of each command, without the comment behind it. */
const commandsOf = (code: string, refuse: (why: string) => never): string[][] =>
  code
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [npx, digitlab, ...args] = line.split(/\s+/)
      if (npx !== 'npx' || digitlab !== 'digitlab' || /["'$|>&;*]/.test(line))
        return refuse(`expected "npx digitlab ..." and nothing that only a shell knows, found "${line}"`)
      return args
    })

/** What the program says it prints: the comments behind its calls of console.log. */
export const printedOf = (code: string): string[] =>
  [...code.matchAll(/console\.log\(.*\)[ \t]*\/\/[ \t]*(.+)$/gm)].map(([, comment = '']) => comment)

const words = (text: string): string[] => text.match(/[\w.+-]+/g) ?? []

/** Whether `said` was printed, whatever the spaces, quotes and line breaks; `...` stands for anything. */
export const wasPrinted = (said: string, output: string): boolean => {
  const parts = said.split(/\.\.\.+/).map(words)
  const printed = words(output)
  let from = 0
  for (const part of parts) {
    const at = printed.findIndex((_, i) => i >= from && part.every((word, k) => printed[i + k] === word))
    if (at < 0) return part.length === 0
    from = at + part.length
  }
  return true
}
