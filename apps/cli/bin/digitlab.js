#!/usr/bin/env node
// The command is built into dist; this file stands in the repository so that installing can link it before the build.
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `digitlab needs Node 20.19 or later, this is ${process.versions.node}: install a newer one from nodejs.org`,
  )
  process.exit(1)
}
const { main } = await import('../dist/main.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !error.message.includes('main.js')) throw error
  console.error('digitlab is not built yet: run "npm run build" at the root of the repository')
  process.exit(1)
})
process.exitCode = await main(process.argv.slice(2))
