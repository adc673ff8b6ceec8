// `npm run bench`: seconds per epoch of digitlab and its peers on this machine, taking turns, with a check that all of them
// compute the same; then batch sizes, sizes of data sets, answers, start-up and jax-js's own page. Prints Markdown and writes it with the
// figures behind it as JSON, after each part: one that is measured again takes the place of what was there.
import { benchFlags } from './bench-flags'
import { Refusal, refuse } from './command-line'

const flags = benchFlags()
const { bench } = await import('./bench-parts')
try {
  await bench(flags)
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  refuse(error.message)
}
