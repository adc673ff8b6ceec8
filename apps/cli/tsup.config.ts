import { library } from '../../tooling/tsup/library'
import { withoutMaps } from '../../tooling/tsup/without-maps'

/**
 * Of what is bundled, some asks for CommonJS's words. `__filename` is not among them: by it a package tells whether it is CommonJS.
 */
const commonJs = `import { createRequire as createRequire$ } from 'node:module'
import { dirname as dirname$ } from 'node:path'
import { fileURLToPath as fileURLToPath$ } from 'node:url'
const require = createRequire$(import.meta.url)
const __dirname = dirname$(fileURLToPath$(import.meta.url))`

export default library(['src/main.ts', 'src/image-worker.ts'], {
  format: ['esm'],
  dts: false,
  // The command brings the part of TensorFlow.js that it uses, and with it what stands on that: a package in which all of TensorFlow.js is
  // installed for it has three times the size and starts half as fast. tooling/release/pnpmfile.cjs takes what is bundled out of the manifest.
  noExternal: [/^@digitlab\//, /^@tensorflow\/tfjs-(core|backend-cpu|backend-wasm)$/],
  // TensorFlow.js asks for it where Node has no fetch of its own, which no Node of ours lacks: bundled, it would be half of what a start reads with it.
  external: ['node-fetch'],
  banner: { js: commonJs },
  esbuildPlugins: [withoutMaps],
})
