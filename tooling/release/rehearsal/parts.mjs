// What is tried, part by part; and how what came of it is written down.

/** Thrown where something can't be tried here. */
export class Skipped extends Error {}

/** @throws Error with both values where two differ as JSON */
export const expectSame = (what, found, expected) => {
  const [a, b] = [found, expected].map((value) => JSON.stringify(value))
  if (a !== b) throw new Error(`expected ${what} to be ${b}, found ${a}`)
}

/** @throws Error with what was found where something does not hold */
export const expectThat = (holds, otherwise) => {
  if (!holds) throw new Error(otherwise)
}

/**
 * Keeps what was tried.
 *
 * @param say is told of each as it ends
 * @returns { results, attempt }: attempt(part, what, work, { required }) runs work and records its outcome; what it answers
 *   is kept as a detail. What is not required may fail without failing the whole. Answers whether it worked.
 */
export const keepResults = (say) => {
  const results = []
  const attempt = async (part, what, work, { required = true } = {}) => {
    const start = performance.now()
    let outcome = 'works'
    let detail
    try {
      detail = await work()
    } catch (error) {
      outcome = error instanceof Skipped ? 'skipped' : 'fails'
      detail = error.message
    }
    const seconds = Math.round((performance.now() - start) / 100) / 10
    results.push({ part, what, outcome, required, seconds, ...(detail === undefined ? {} : { detail }) })
    say(`${part}: ${what}: ${outcome}${outcome === 'works' ? '' : `: ${detail}`}`)
    return outcome === 'works'
  }
  return { results, attempt }
}
