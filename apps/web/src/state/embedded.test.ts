import { expect, test } from 'vitest'
import { embeddedIn, unembedded } from './embedded'

test.each([
  ['?model=cnn', '', undefined],
  ['?embed', '', 'train'],
  ['?embed=train&seed=1', '', 'train'],
  ['?seed=1&embed=draw', '', 'draw'],
  ['', '#embed', 'train'],
  ['?seed=1', '#embed=draw', 'draw'],
  ['', '#draw', undefined],
])('an address %s%s is embedded as %s', (search, hash, expected) => {
  expect(embeddedIn({ search, hash })).toBe(expected)
})

test('the whole page has the same experiment', () => {
  expect(unembedded('https://some.where/lab/?model=cnn&embed=draw&seed=1#embed')).toBe(
    'https://some.where/lab/?model=cnn&seed=1',
  )
})
