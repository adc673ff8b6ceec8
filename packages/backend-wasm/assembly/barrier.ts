// What keeps threads in step that share the elements of every kernel's result. Each watches for a while and then sleeps: a wake-up costs
// some 50 us, watching costs a processor. Only memory that is shared between threads can be waited on.
// Check: vitest run packages/backend-wasm/src/threads.test.ts

/** Address offsets within a barrier: lines of 64 bytes of their own, so that those who watch do not slow those who arrive. */
const ARRIVED: usize = 64
const SLEEPERS: usize = 128

/** How long a sleeper sleeps before it looks again, in nanoseconds: at a barrier, and between programs. */
const NAP: i64 = 20_000_000
const LONG_NAP: i64 = 100_000_000

/**
 * Waits until so many threads have called it.
 *
 * @param at three lines of 64 bytes, zero at first
 * @param watch looks before it sleeps
 * @param sleeps whether this thread may sleep: a page's own may not
 * @param generation -1 on arrival; else what an earlier call answered, to go on waiting
 * @returns -1 once all are there; else, after a nap, what to go on with
 */
export function barrier(at: usize, threads: i32, watch: i32, sleeps: bool, generation: i32): i32 {
  if (generation < 0) {
    generation = atomic.load<i32>(at)
    if (atomic.add<i32>(at + ARRIVED, 1) == threads - 1) {
      atomic.store<i32>(at + ARRIVED, 0)
      atomic.store<i32>(at, (generation + 1) & 0x7fffffff)
      if (atomic.load<i32>(at + SLEEPERS) > 0) atomic.notify(at, -1)
      return -1
    }
  }
  for (let i = 0; i < watch; i++) if (atomic.load<i32>(at) != generation) return -1
  if (sleeps) {
    atomic.add<i32>(at + SLEEPERS, 1)
    atomic.wait<i32>(at, generation, NAP)
    atomic.sub<i32>(at + SLEEPERS, 1)
  }
  return atomic.load<i32>(at) != generation ? -1 : generation
}

/**
 * Waits, for ever if need be, until a count is another one.
 *
 * @param at the count; behind it, whether this thread sleeps
 * @returns the new count
 */
export function waitForStart(at: usize, seen: i32, watch: i32): i32 {
  for (let i = 0; i < watch; i++) if (atomic.load<i32>(at) != seen) return atomic.load<i32>(at)
  atomic.store<i32>(at, 1, 4)
  while (atomic.load<i32>(at) == seen) atomic.wait<i32>(at, seen, LONG_NAP)
  atomic.store<i32>(at, 0, 4)
  return atomic.load<i32>(at)
}
