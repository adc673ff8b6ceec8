// The schema of run.json follows from the tables of what an experiment may name. `npx vitest run packages/train/src/schema.test.ts -u`
// writes it.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { definitionSchema } from '@digitlab/models'
import { format, resolveConfig } from 'prettier'
import { expect, test } from 'vitest'

const file = fileURLToPath(new URL('../schema/run-1.schema.json', import.meta.url))

interface Schema {
  readonly $defs: Readonly<Record<string, unknown>>
}

test('is what the tables say', async () => {
  const written = JSON.parse(readFileSync(file, 'utf8')) as Schema
  const whole = { ...written, $defs: { ...written.$defs, definition: definitionSchema() } }
  const json = JSON.stringify(whole, null, 2)
    // Beyond 2^53, and exact in the schema for whoever reads them so.
    .replace('-9223372036854776000', '-9223372036854775808')
    .replace('18446744073709552000', '18446744073709551615')
  const text = await format(json, { ...(await resolveConfig(file)), filepath: file })
  await expect(text).toMatchFileSnapshot(file)
})
