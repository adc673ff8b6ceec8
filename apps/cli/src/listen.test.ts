import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { listen } from './listen'

describe('the port', () => {
  const nothing = () => {}
  test('that is taken is said where it was named, and skipped where it was not', async () => {
    const blocker = createServer()
    blocker.listen(0, '127.0.0.1')
    await once(blocker, 'listening')
    const { port } = blocker.address() as AddressInfo
    try {
      await expect(listen(nothing, { named: port })).rejects.toThrow(
        `could not listen on port ${port} (it is taken): name another one with --port, or leave --port out for the next free one`,
      )
      const next = await listen(nothing, { from: port })
      expect(next.port).toBeGreaterThan(port)
      await next.close()
    } finally {
      blocker.close()
    }
  })

  test('is that of this machine alone', async () => {
    const listening = await listen(nothing, { named: 0 })
    await listening.close()
    const { addresses } = listening
    expect(addresses[0]).toBe('127.0.0.1')
    expect(addresses.slice(1).every((address) => address === '::1')).toBe(true)
  })
})
