// What tests may tell the stand-in, and ask it.
import koffi from 'koffi'
import { buildStandin } from './build'

const library = koffi.load(buildStandin())
const text = (name: string) => library.func(name, 'int', ['str']) as (value: string) => number
const number = (name: string) => library.func(name, 'int', ['int']) as (value: number) => number

/** Makes calls fail: 'cuInit=100', 'cuMemAlloc=2@5' at the fifth only; '' for none. Forgets the error of a kernel. */
export const failCalls = text('standinFail')

/** In which order threads and blocks run: 0 forwards, 1 backwards, 2 odd threads first. */
export const setOrder = number('standinOrder')

/** Stops what was launched from running, or lets it go on. */
export const pause = (still: boolean): void => void number('standinPause')(Number(still))

/** How often a function of the driver was called. */
export const callsOf = text('standinCalls')

/** Bytes of device memory that are allocated. */
export const allocatedBytes = library.func('standinAllocated', 'int', []) as () => number
