// Copies the built page (apps/web/dist) into this package, where `digitlab serve` finds it: part of the build.
import { cpSync, existsSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = (path) => fileURLToPath(new URL(path, import.meta.url))
const [from, to] = [folder('../../web/dist'), folder('../page')]
rmSync(to, { recursive: true, force: true })
if (existsSync(`${from}/index.html`)) cpSync(from, to, { recursive: true })
else if (existsSync(folder('../../web/package.json'))) {
  console.error(`there is no page in ${from}: build @digitlab/web first`)
  process.exitCode = 1
}
