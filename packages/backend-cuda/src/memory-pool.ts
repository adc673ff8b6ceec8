/** How memory is had from the driver and given back to it. */
export interface MemorySource {
  /** @returns an address; throws a DriverError, with code 2 where there is no memory left */
  allocate(bytes: number): number
  free(address: number): void
  isOutOfMemory(error: unknown): boolean
}

/**
 * Memory that is used again: the driver takes a hundred microseconds for an allocation, and waits for the GPU when memory is
 * given back. Freed blocks wait by their size; work on one stream runs in its order, so that a block may be taken again while the
 * kernels that used it are still to run.
 */
export interface MemoryPool {
  /** A block of at least `bytes`; its contents are whatever was there. */
  take(bytes: number): number
  give(address: number): void
  /** Of the blocks in use. */
  readonly usedBytes: number
  /** Gives what is not in use back to the driver. */
  trim(): void
  /** Gives everything back, what is in use too. */
  dispose(): void
}

/**
 * Sizes of blocks: multiples of 256 bytes, which the driver aligns to, with at most an eighth of a block unused.
 */
export const blockSize = (bytes: number): number => {
  const step = Math.max(256, 2 ** (Math.floor(Math.log2(Math.max(bytes, 1))) - 3))
  return Math.ceil(bytes / step) * step
}

/** @param round the size of the block for a number of bytes */
export const createMemoryPool = (source: MemorySource, round: (bytes: number) => number = blockSize): MemoryPool => {
  const free = new Map<number, number[]>()
  const sizes = new Map<number, number>()
  let usedBytes = 0
  const trim = () => {
    for (const addresses of free.values())
      for (const address of addresses.splice(0)) {
        sizes.delete(address)
        source.free(address)
      }
  }
  const allocate = (size: number): number => {
    try {
      return source.allocate(size)
    } catch (error) {
      if (!source.isOutOfMemory(error)) throw error
      trim() // blocks of other sizes may be what is missing
      return source.allocate(size)
    }
  }
  return {
    take(bytes) {
      const size = round(bytes)
      const address = free.get(size)?.pop() ?? allocate(size)
      sizes.set(address, size)
      usedBytes += size
      return address
    },
    give(address) {
      const size = sizes.get(address)
      if (size === undefined) throw new Error(`the address ${address} was given back, and it is not the pool's`)
      usedBytes -= size
      const waiting = free.get(size)
      if (waiting) waiting.push(address)
      else free.set(size, [address])
    },
    get usedBytes() {
      return usedBytes
    },
    trim,
    dispose() {
      for (const address of sizes.keys()) source.free(address)
      for (const waiting of [sizes, free]) waiting.clear()
      usedBytes = 0
    },
  }
}
