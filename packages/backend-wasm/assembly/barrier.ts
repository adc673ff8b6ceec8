// What keeps threads in step that share the elements of every kernel's result. Each watches for a while, here, and then sleeps, in
// JavaScript: a wake-up costs some 50 us, watching costs a processor. There is no memory.atomic.wait32 here: the first of V8's two
// compilers leaves 0 in the local that was its expected value (Node 20), so that a thread which had slept went on alone.
// Check: vitest run packages/backend-wasm/src/threads.test.ts

/** Address offsets within a barrier: lines of 64 bytes of their own, so that those who watch do not slow those who arrive. */
const ARRIVED: usize = 64
const SLEEPERS: usize = 128

/**
 * Waits until so many threads have called it.
 *
 * @param at three lines of 64 bytes, zero at first
 * @param looks before it gives up
 * @param generation -1 on arrival; else what an earlier call answered, to go on waiting
 * @returns -1 once all are there; else what to go on with, or to sleep on: the first line has it until they are
 */
export function barrier(at: usize, threads: i32, looks: i32, generation: i32): i32 {
  if (generation < 0) {
    generation = atomic.load<i32>(at)
    if (atomic.add<i32>(at + ARRIVED, 1) == threads - 1) {
      atomic.store<i32>(at + ARRIVED, 0)
      atomic.store<i32>(at, (generation + 1) & 0x7fffffff)
      if (atomic.load<i32>(at + SLEEPERS) > 0) atomic.notify(at, -1)
      return -1
    }
  }
  return watch(at, generation, looks) != generation ? -1 : generation
}

/**
 * Watches a number until it is another one.
 *
 * @param looks before it gives up
 * @returns what it is now
 */
export function watch(at: usize, known: i32, looks: i32): i32 {
  for (let i = 0; i < looks; i++) if (atomic.load<i32>(at) != known) break
  return atomic.load<i32>(at)
}
