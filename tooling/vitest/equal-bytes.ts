import { expect } from 'vitest'

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength)

/**
 * Tells `expect` that typed arrays of one kind with the same bytes are equal. It would find so itself, but element by element, which takes
 * seconds for a megabyte; of any other values it is to find out itself.
 */
export const equalBytes = (a: unknown, b: unknown): true | undefined =>
  ArrayBuffer.isView(a) && ArrayBuffer.isView(b) && a.constructor === b.constructor && bytesOf(a).equals(bytesOf(b))
    ? true
    : undefined

let told = false

/** Once a process: files of tests that share one share what `expect` was told. */
export const tellOfEqualBytes = (): void => {
  if (!told) expect.addEqualityTesters([equalBytes])
  told = true
}
