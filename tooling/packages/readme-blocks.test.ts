import { describe, expect, test } from 'vitest'
import { printedOf, samplesOf, wasPrinted } from './readme-blocks'

const fenced = (info: string, code: string) => `\`\`\`${info}\n${code}\n\`\`\`\n`

describe('the blocks of a README', () => {
  test('are programs with what continues them, commands, or say why they are neither', () => {
    const markdown = [
      fenced('js', 'first()'),
      fenced('js file=worker.js', 'serve()'),
      fenced('text', 'what it prints'),
      fenced('js continued', 'second()'),
      fenced('sh', 'npx digitlab train --out runs/a  # a comment\n\n# another\nnpx digitlab backends'),
      fenced('sh not run: needs an NVIDIA GPU', 'npx digitlab train --backend cuda | tee log'),
      fenced('js', 'third()'),
    ].join('\n')
    expect(samplesOf(markdown, 'README.md')).toEqual([
      { line: 1, kind: 'program', code: 'first()\n\nsecond()\n', files: new Map([['worker.js', 'serve()\n']]) },
      { line: 17, kind: 'commands', commands: [['train', '--out', 'runs/a'], ['backends']] },
      { line: 24, kind: 'not run', reason: 'needs an NVIDIA GPU' },
      { line: 28, kind: 'program', code: 'third()\n', files: new Map() },
    ])
  })

  test.each([
    ['a language that is not tried', fenced('python', 'import torch'), 'README.md:1: expected js or sh, found python'],
    ['a continuation of nothing', fenced('js continued', 'x'), 'nothing stands before it'],
    ['an unknown word', fenced('js', 'x') + fenced('js onwards', 'x'), 'found onwards'],
    ['another command', fenced('sh', 'npm install digitlab'), 'found "npm install digitlab"'],
    ['what only a shell knows', fenced('sh', 'npx digitlab backends > file'), 'found "npx digitlab backends > file"'],
  ])('refuses %s', (_, markdown, message) => {
    expect(() => samplesOf(markdown, 'README.md')).toThrow(message)
    expect(() => samplesOf(markdown, 'README.md')).toThrow('not run: reason')
  })
})

describe('what a program says it prints', () => {
  test('is the comment behind console.log', () => {
    expect(printedOf("const a = 1 // one\nconsole.log(a, 'x') // 1 x\n  console.log(b) // [2, 3]\n")).toEqual([
      '1 x',
      '[2, 3]',
    ])
  })

  test.each([
    ["'uint8' [2, 3]", 'uint8 [ 2, 3 ]\n', true],
    ['64, 36', '64\n36\n', true],
    ["{ id: 'cpu', device: ..., threads: 1 }", "{\n  id: 'cpu',\n  device: 'JavaScript',\n  threads: 1\n}", true],
    ['64, 36', '64\n37\n', false],
    ['[2, 3]', '[ 3, 2 ]', false],
    ['device: ..., threads: 2', 'device: x, threads: 1', false],
    ['anything', '', false],
  ])('%s in %j: %s', (said, output, expected) => {
    expect(wasPrinted(said, output)).toBe(expected)
  })
})
