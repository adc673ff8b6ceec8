// The documentation as a site: `npm run site` writes it to tooling/site/dist (or `--out FOLDER`), `--base /digitlab/docs/` for a host that has it under
// that path, `--serve` shows it on this machine. It asks nobody for anything once it is built.
import { cp, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { build, serve } from 'vitepress'
import { root } from '../packages/published'
import { assemble } from './assemble'

const here = fileURLToPath(new URL('.', import.meta.url))

const { values } = parseArgs({
  options: {
    base: { type: 'string', default: '/' },
    serve: { type: 'boolean', default: false },
    port: { type: 'string', default: '4173' },
    out: { type: 'string', default: join(here, 'dist') },
    // Leaves the API as it was written last: pages are there in a third of the time.
    'no-api': { type: 'boolean', default: false },
  },
})
if (!/^\/(.*\/)?$/.test(values.base)) {
  console.error(`--base ${values.base}: expected a path that begins and ends with "/", as /digitlab/docs/`)
  process.exit(2)
}

process.env['DIGITLAB_SITE_BASE'] = values.base
assemble(join(here, 'generated'))
await build(here, { outDir: values.out })
if (!values['no-api']) {
  await execa('tsx', [join(root, 'tooling/packages/docs.ts')], { stdio: 'inherit', preferLocal: true, localDir: root })
  await rm(join(values.out, 'api'), { recursive: true, force: true })
  await cp(join(root, 'docs/api'), join(values.out, 'api'), { recursive: true })
}
console.log(`written: ${relative(process.cwd(), join(values.out, 'index.html'))}`)
if (values.serve) {
  await serve({ root: here, port: Number(values.port), base: values.base })
  console.log(`http://localhost:${values.port}${values.base}`)
}
