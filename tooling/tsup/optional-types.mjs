// @ts-check
// Part of a build, run in a package's folder: types of an optional peer are `any` where it is not installed, instead of an error for
// every program that checks the types of its libraries.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const { peerDependenciesMeta = {} } = JSON.parse(readFileSync('package.json', 'utf8'))
const optional = Object.keys(peerDependenciesMeta).filter((name) => peerDependenciesMeta[name].optional)

for (const file of readdirSync('dist').filter((name) => /\.d\.c?ts$/.test(name))) {
  const text = readFileSync(`dist/${file}`, 'utf8')
  const marked = text.replace(/^(?:import|export) (?:[^\n]* from )?'([^']+)';$/gm, (line, from) =>
    optional.some((name) => from === name || from.startsWith(`${name}/`))
      ? `// @ts-ignore: an optional peer\n${line}`
      : line,
  )
  if (marked !== text) writeFileSync(`dist/${file}`, marked)
}
