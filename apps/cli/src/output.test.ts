// What a terminal shows in the end: lines that are drawn over, and what is said meanwhile.
import { WriteStream } from 'node:tty'
import type { Progress } from '@digitlab/train'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { interruptible, Interrupted } from './interrupt'
import { complain, detail, drawLive, note, speak, warn, writeResult } from './output'
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
  vi.stubEnv('NO_COLOR', '1') // what is drawn is looked at as text
  vi.stubEnv('FORCE_COLOR', undefined)
  process.stdout.isTTY = true
  process.stderr.isTTY = true
  vi.spyOn(process.stdout, 'write').mockImplementation(show)
  vi.spyOn(process.stderr, 'write').mockImplementation(show)
})
afterEach(() => {
  speak('normal')
  vi.unstubAllEnvs()
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

test.each([49, 60, 79, 119])('the live line has a bar and fits %i columns', (columns) => {
  const before = process.stderr.columns
  process.stderr.columns = columns + 1
  try {
    progressLine(
      'cnn-batch-norm on wasm',
      20,
      0,
    )({
      ...step(10),
      stepsPerEpoch: 938,
      step: 938,
      epoch: 20,
      loss: 0.0123,
      imagesPerSecond: 17234,
      secondsLeft: 3725,
    } as Progress)
    const [line = ''] = screen
    expect(line.length).toBeLessThanOrEqual(columns)
    expect(line).toMatch(/epoch 20\/20 .*█{8,}.* loss 0\.0123/)
    expect(line).not.toMatch(/^ | {3}| $/)
  } finally {
    process.stderr.columns = before
  }
})

test('--quiet leaves what went wrong and what must be known; --verbose adds what is rarely asked for', () => {
  const all = () => {
    screen = ['']
    drawLive('live')
    note('note')
    detail('detail')
    warn('warning')
    complain('error')
    return screen.filter((line) => line !== '')
  }
  expect(all()).toEqual(['note', 'warning', 'digitlab: error'])
  speak('quiet')
  expect(all()).toEqual(['warning', 'digitlab: error'])
  speak('verbose')
  expect(all()).toEqual(['note', 'detail', 'warning', 'digitlab: error'])
})

describe('colour', () => {
  const painted = (env: Record<string, string | undefined>, isTTY: boolean) => {
    // Node asks for less colour where it knows the terminal, or finds a machine that only builds.
    for (const name of ['CI', 'TF_BUILD', 'TEAMCITY_VERSION', 'COLORTERM', 'TMUX']) vi.stubEnv(name, undefined)
    for (const name of ['NO_COLOR', 'FORCE_COLOR']) vi.stubEnv(name, env[name])
    process.stderr.isTTY = isTTY
    process.stderr.getColorDepth = (given = process.env) =>
      WriteStream.prototype.getColorDepth.call(process.stderr, given)
    vi.stubEnv('TERM', env['TERM'] ?? 'xterm-256color')
    screen = ['']
    complain('error')
    return screen[0]?.includes('\u001b[31m')
  }
  test.each([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ TERM: 'dumb' }, true, false],
  ])('with %j, terminal %s: %s', (env, isTTY, expected) => {
    expect(painted(env, isTTY)).toBe(expected)
  })

  test('what a file says cannot colour or steer the terminal', () => {
    vi.stubEnv('NO_COLOR', undefined)
    vi.stubEnv('FORCE_COLOR', '1')
    note('a \u001b[31mred\u001b[2J name')
    expect(screen[0]).toBe('a \\u001b[31mred\\u001b[2J name')
  })
})
