// @ts-check
// Copies the built page (apps/web/dist) without its source maps into this package, where `digitlab serve` finds it: part
// of the build.
import { cpSync, existsSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url))
const [from, to] = [folder('../../web/dist'), folder('../page')]
if (!existsSync(`${from}/index.html`)) {
  console.error(`there is no page in ${from}: build @digitlab/web first`)
  process.exit(1)
}
rmSync(to, { recursive: true, force: true })
cpSync(from, to, { recursive: true, filter: (file) => !file.endsWith('.map') })
