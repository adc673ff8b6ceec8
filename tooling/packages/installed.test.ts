// What each package brings into a fresh folder, against install-budgets.json. `npm run install-size` installs them there.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { installed } from './installed'
import type { Packed } from './packed'
import { packAll } from './packed-once'
import { publishedPackages, root } from './published'

const budgets = JSON.parse(readFileSync(join(root, 'tooling/packages/install-budgets.json'), 'utf8')) as Readonly<
  Record<string, { readonly megabytes: number; readonly packages: number }>
>

let packed: Packed[] = []
beforeAll(async () => {
  packed = await packAll()
}, 120_000)

test('every package has a budget', () => {
  expect(Object.keys(budgets).sort()).toEqual(
    publishedPackages()
      .map(({ manifest }) => manifest.name)
      .sort(),
  )
})

test.each(Object.entries(budgets))('%s', (name, budget) => {
  const { bytes, packages } = installed(name, packed)
  expect(bytes / 1e6, `megabytes of ${packages.join(', ')}`).toBeLessThanOrEqual(budget.megabytes)
  expect(packages.length, packages.join(', ')).toBeLessThanOrEqual(budget.packages)
})

test('what needs no tensors brings no TensorFlow.js', () => {
  for (const name of ['@digitlab/weights', '@digitlab/models', '@digitlab/train', '@digitlab/report', '@digitlab/data'])
    expect(installed(name, packed).packages.filter((one) => one.startsWith('@tensorflow/'))).toEqual([])
})
