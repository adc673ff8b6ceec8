import { library } from '../../tooling/tsup/library'

// What is bundled (Observable Plot and what draws PNG tiles) is taken in the form that runs in a page, which runs in Node too.
export default library(['src/index.ts', 'src/figures.ts', 'src/node.ts'], {
  platform: 'browser',
  external: [/^node:/],
})
