// What a terminal shows in the end: lines that are drawn over, and what is said meanwhile.
import type { Progress } from '@digitlab/train'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { interruptible, Interrupted } from './interrupt'
import { drawLive, note, writeResult } from './output'
import { progressLine } from './progress-line'

let screen: string[] = []
const emptied = '\u001b[2K'
const up = '\u001b[1A'
const isTTY = { out: process.stdout.isTTY, err: process.stderr.isTTY }

/** Shows text as a terminal does: a carriage return goes to the line's start, `ESC [ 2 K` empties it, `ESC [ 1 A` leaves it upwards. */
const show = (text: string | Uint8Array): boolean => {
  for (const part of String(text)
    .replaceAll(emptied, '\v')
    .replaceAll(up, '\f')
    .split(/([\n\r\v\f])/)) {
    const last = screen.length - 1
    if (part === '\n') screen.push('')
    else if (part === '\v') screen[last] = ''
    else if (part === '\f') expect(screen.pop(), 'the line that is left').toBe('')
    else if (part !== '\r') screen[last] += part
  }
  return true
}

beforeEach(() => {
  screen = ['']
  process.stdout.isTTY = true
  process.stderr.isTTY = true
  vi.spyOn(process.stdout, 'write').mockImplementation(show)
  vi.spyOn(process.stderr, 'write').mockImplementation(show)
})
afterEach(() => {
  process.stdout.isTTY = isTTY.out
  process.stderr.isTTY = isTTY.err
})

const step = (step: number): Progress => ({
  ...{
    type: 'step',
    epoch: 1,
    step,
    stepsPerEpoch: 10,
    learningRate: 0.1,
    loss: 2,
    imagesPerSecond: 100,
    secondsLeft: 1,
  },
})

test('lines are drawn over together, however many they become, and what is said stays above them', () => {
  drawLive('one', 'two')
  expect(screen).toEqual(['one', 'two'])
  drawLive('three')
  expect(screen).toEqual(['three'])
  drawLive('four', 'five', 'six')
  note('said')
  drawLive('seven', 'eight')
  expect(screen).toEqual(['said', 'seven', 'eight'])
  writeResult(
    false,
    () => null,
    () => 'done',
  )
  expect(screen).toEqual(['said', 'done', ''])
})

test('after Ctrl-C nothing of the live line is left, and the report begins on a line of its own', async () => {
  const line = progressLine('cnn on wasm', 1, 0)
  const ended = interruptible('stopping after this step ...', async (signal) => {
    line(step(10))
    expect(screen.at(-1)).toContain('cnn on wasm  epoch 1/1  10/10')
    show('^C') // what the terminal itself shows
    process.emit('SIGINT')
    expect(signal.aborted).toBe(true)
    line(step(10))
    line({ type: 'evaluating', epoch: 1 })
    writeResult(
      false,
      () => ({}),
      () => 'accuracy 90 %',
    )
    note('interrupted after 10 steps')
    throw new Interrupted()
  })
  await expect(ended).rejects.toThrow(Interrupted)
  expect(screen).toEqual(['stopping after this step ...', 'accuracy 90 %', 'interrupted after 10 steps', ''])
})

test('what is said while a line is drawn takes its place', () => {
  drawLive('downloading 1 of 2')
  drawLive('downloading 2 of 2')
  note('digitlab: the disk is full')
  expect(screen).toEqual(['digitlab: the disk is full', ''])
})

test('without a live line the notice does not run into what the terminal shows of the key', async () => {
  await interruptible('stopping ...', async () => {
    show('^C')
    process.emit('SIGINT')
  })
  expect(screen).toEqual(['^C', 'stopping ...', ''])
})

test('work that does nothing but stop ends as interrupted, and another failure as itself', async () => {
  const stopped = interruptible('stopping ...', async (signal) => {
    process.emit('SIGTERM')
    signal.throwIfAborted()
  })
  await expect(stopped).rejects.toThrow(Interrupted)
  const failed = interruptible('stopping ...', async () => {
    process.emit('SIGTERM')
    throw new TypeError('a bug')
  })
  await expect(failed).rejects.toThrow('a bug')
})

test('after the first signal no handler is left: the system ends the process at the second', async () => {
  const before = process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')
  await interruptible('stopping ...', async () => {
    expect(process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')).toBe(before + 2)
    process.emit('SIGINT')
    expect(process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')).toBe(before)
  })
})
