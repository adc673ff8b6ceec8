// @ts-check
// Copies the two fonts of the figures, with their licence, out of the package that has them all: part of the build.
import { copyFileSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const from = dirname(createRequire(import.meta.url).resolve('@expo-google-fonts/inter/package.json'))
const to = fileURLToPath(new URL('../fonts', import.meta.url))
mkdirSync(to, { recursive: true })
// Under another name than LICENSE: pnpm takes a file of such a name for the package's own, wherever it lies.
for (const [file, name] of /** @type {const} */ ([
  ['400Regular/Inter_400Regular.ttf', 'Inter_400Regular.ttf'],
  ['600SemiBold/Inter_600SemiBold.ttf', 'Inter_600SemiBold.ttf'],
  ['LICENSE_FONT', 'OFL.txt'],
]))
  copyFileSync(join(from, file), join(to, name))
