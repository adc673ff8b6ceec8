// Where an editor's "go to definition" ends, as TypeScript's own server for editors says.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

interface Location {
  readonly file: string
  readonly start: { readonly line: number }
}

interface Answer {
  readonly type: string
  readonly request_seq?: number
  readonly body?: readonly Location[]
}

/**
 * The definitions of what is at some places of a file.
 *
 * @param file a program, by its whole path
 * @param places lines and columns, from 1
 * @returns for each place where its definitions lie, as path:line
 */
export const definitionsIn = async (
  file: string,
  places: readonly { readonly line: number; readonly offset: number }[],
): Promise<string[][]> => {
  const server = spawn(process.execPath, [createRequire(import.meta.url).resolve('typescript/lib/tsserver.js')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    const ask = (seq: number, command: string, args: object) =>
      server.stdin.write(`${JSON.stringify({ seq, type: 'request', command, arguments: args })}\n`)
    ask(0, 'open', { file })
    for (const [i, place] of places.entries()) ask(i + 1, 'definition', { file, ...place })
    const found: string[][] = places.map(() => [])
    let left = places.length
    for await (const line of createInterface({ input: server.stdout })) {
      if (!line.startsWith('{')) continue // lengths, which the lines themselves tell
      const { type, request_seq = 0, body = [] } = JSON.parse(line) as Answer
      if (type !== 'response' || request_seq === 0) continue
      found[request_seq - 1] = body.map(({ file, start }) => `${file}:${start.line}`)
      if (--left === 0) break
    }
    return found
  } finally {
    server.kill()
  }
}
