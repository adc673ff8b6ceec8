/** How long a loop may hold the thread, in milliseconds: half a frame, as what is drawn is read where it yields. */
const slice = 8
let since = 0

/** A turn of the event loop, so that signals, timers and messages get through. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    // setImmediate comes back at once; a browser's setTimeout(0) may wait four milliseconds, a message does not.
    if (typeof setImmediate === 'function') setImmediate(resolve)
    else {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => {
        port1.close()
        resolve()
      }
      port2.postMessage(undefined)
    }
  })

/** Yields to the event loop if the last time was a while ago; at once otherwise. @returns whether it did */
export const yieldToEvents = async (): Promise<boolean> => {
  const now = performance.now()
  if (now - since < slice) return false
  await turn()
  since = performance.now()
  return true
}
