import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clean, clipped } from './clean'

test('text reaches a terminal without what would steer it', () => {
  expect(clean('red \u001b[31m\u001b]0;title\u0007, up \u009b2A, back\b\b\r, gone\u007f')).toBe(
    'red \\u001b[31m\\u001b]0;title\\u0007, up \\u009b2A, back\\u0008\\u0008\\u000d, gone\\u007f',
  )
  expect(clean('gpj.\u202eexe\u2066')).toBe('gpj.\\u202eexe\\u2066')
  expect(clean('a table:\n\tÄ 数 👍🏽 é')).toBe('a table:\n\tÄ 数 👍🏽 é')
})

test('whatever the text, nothing is left of it that steers', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      for (const character of clean(text)) {
        const code = character.codePointAt(0) ?? 0
        const plain = code === 9 || code === 10 || (code >= 32 && code < 127) || code > 159
        expect(plain, `U+${code.toString(16)}`).toBe(true)
        expect(/\p{Bidi_Control}/u.test(character)).toBe(false)
      }
    }),
  )
})

test('a JSON document stays what it was', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
      const document = { value, [text]: text }
      expect(JSON.parse(clean(JSON.stringify(document, null, 2)))).toEqual(JSON.parse(JSON.stringify(document)))
    }),
  )
})

test('a long sentence keeps its beginning and its end', () => {
  expect(clipped('short')).toBe('short')
  const long = `${'a'.repeat(5000)}: do this`
  expect(clipped(long)).toHaveLength(700)
  expect(clipped(long)).toMatch(/^aaa.* … .*: do this$/)
})

test('only one file writes to the terminal', () => {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  const writing = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .filter((name) => /std(out|err)\s*\.write|\bconsole\.\w+\(/.test(readFileSync(join(folder, name), 'utf8')))
  expect(writing).toEqual(['output.ts'])
})
