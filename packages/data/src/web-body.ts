import { PassingFailure, reasonOf, refusal } from './transfer'

/**
 * What a server answers, in memory.
 *
 * @param onPiece sees each piece as it comes, with the bytes received so far; what it throws ends the transfer
 * @throws Error if the server refuses; PassingFailure if the connection is lost
 */
export const bodyOf = async (
  response: Response,
  onPiece: (piece: Uint8Array, received: number) => void,
): Promise<Uint8Array<ArrayBuffer>> => {
  if (!response.ok || !response.body) {
    await response.body?.cancel()
    throw refusal(response)
  }
  const pieces: Uint8Array<ArrayBuffer>[] = []
  const reader = response.body.getReader()
  let received = 0
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw new PassingFailure(reasonOf(cause), { cause }) // the connection was lost
      })
      if (done) break
      received += value.length
      onPiece(value, received)
      pieces.push(value)
    }
  } finally {
    await reader.cancel().catch(() => {}) // ended or failed already
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer())
}
