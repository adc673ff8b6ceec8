// Memory of the host that the GPU reaches by itself, and the events that tell when it is done with it.
import { call, handleFrom, type Driver } from './driver'

/** A piece of such memory. */
interface Place {
  readonly size: number
  readonly address: bigint
  readonly buffer: ArrayBuffer
}

export interface Staging {
  take(bytes: number): Place
  /** A copy of values for the GPU to take; tell `sent` when the copy is ordered. */
  stage(values: ArrayBufferView): Place
  /** The place is free again when the stream has come so far. */
  sent(place: Place): void
  /** The values that the GPU has written there; the place is free again. */
  arrived(place: Place, bytes: number): ArrayBuffer
  /** An event that the stream has come to when it is done with what was ordered so far. */
  mark(): bigint
  /** The event may be used again. */
  unmark(event: bigint): void
  dispose(): void
}

const eventWithoutTiming = 2

/** @param stream whose work is marked */
export const createStaging = (api: Driver, stream: bigint): Staging => {
  const free = new Map<number, Place[]>()
  const events: bigint[] = []
  const sending: { readonly place: Place; readonly event: bigint }[] = [] // in the order of the stream
  const give = (place: Place): void => {
    const waiting = free.get(place.size)
    if (waiting) waiting.push(place)
    else free.set(place.size, [place])
  }
  const staging: Staging = {
    take(bytes) {
      const size = 2 ** Math.max(8, Math.ceil(Math.log2(bytes)))
      const found = free.get(size)?.pop()
      if (found) return found
      const address = handleFrom(api, 'cuMemAllocHost', size)
      return { size, address, buffer: api.host.view(address, size) }
    },
    stage(values) {
      for (let first = sending[0]; first && api.cuEventQuery(first.event) === 0; first = sending[0]) {
        give(first.place)
        events.push(first.event)
        sending.shift()
      }
      const place = staging.take(values.byteLength)
      new Uint8Array(place.buffer).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
      return place
    },
    sent: (place) => void sending.push({ place, event: staging.mark() }),
    arrived(place, bytes) {
      const values = place.buffer.slice(0, bytes)
      give(place)
      return values
    },
    mark() {
      const event = events.pop() ?? handleFrom(api, 'cuEventCreate', eventWithoutTiming)
      call(api, 'cuEventRecord', event, stream)
      return event
    },
    unmark: (event) => void events.push(event),
    dispose() {
      for (const { place, event } of sending.splice(0)) {
        give(place)
        events.push(event)
      }
      for (const places of free.values())
        for (const { address } of places.splice(0)) call(api, 'cuMemFreeHost', address)
      for (const event of events.splice(0)) call(api, 'cuEventDestroy', event)
    },
  }
  return staging
}
