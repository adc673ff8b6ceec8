// @ts-check
import { readFile } from 'node:fs/promises'
import { decodeIdx } from '@digitlab/idx'

const { type, shape, data } = await decodeIdx(await readFile(process.argv[2] ?? ''))
console.log(JSON.stringify({ type, shape, data: [...data] }))
