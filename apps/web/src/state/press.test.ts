import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { afterPress, watchPresses } from './press'

const target = new EventTarget()
watchPresses(target)

/** An event on a control, or beside all of them. */
const send = (type: string, on: 'control' | 'sheet' = 'control') => {
  const event = Object.assign(new Event(type), { button: 0 })
  Object.defineProperty(event, 'target', { value: { closest: () => (on === 'control' ? {} : null) } })
  target.dispatchEvent(event)
}

let done: string[] = []
const ask = (what: string) => afterPress(() => void done.push(what))

beforeEach(() => {
  done = []
  vi.useFakeTimers()
})
afterEach(() => {
  send('pointercancel')
  vi.runAllTimers()
  vi.useRealTimers()
})

test('what comes while nothing is pressed, or a drawing is drawn, is done at once', () => {
  ask('before')
  send('pointerdown', 'sheet')
  ask('drawing')
  expect(done).toEqual(['before', 'drawing'])
})

test('what comes while a button is pressed waits for the click that follows, in its order', () => {
  send('pointerdown')
  ask('first')
  vi.advanceTimersByTime(1000)
  send('pointerup')
  ask('second')
  send('click')
  expect(done).toEqual([])
  vi.advanceTimersByTime(0)
  expect(done).toEqual(['first', 'second'])
  ask('third')
  expect(done).toHaveLength(3)
})

test.each(['pointerup', 'pointercancel', 'dragend'])('it comes without a click, too, after %s', (type) => {
  send('pointerdown')
  ask('held')
  send(type)
  vi.advanceTimersByTime(100)
  expect(done).toEqual(['held'])
})

test('a second press while the first is being released holds on', () => {
  send('pointerdown')
  ask('held')
  send('pointerup')
  vi.advanceTimersByTime(20)
  send('pointerdown')
  vi.advanceTimersByTime(1000)
  expect(done).toEqual([])
})

test('a release that nobody heard of holds nothing up for long', () => {
  send('pointerdown')
  ask('held')
  vi.advanceTimersByTime(5000)
  expect(done).toEqual(['held'])
})
