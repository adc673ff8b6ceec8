// @ts-check
// pnpm's hooks: what is packed is not quite what is installed here. CommonJS, because pnpm requires it.
exports.hooks = {
  /**
   * The command bundles our packages and TensorFlow.js (apps/cli/tsup.config.ts): nobody installs them for it.
   *
   * @param {{ readonly name: string, readonly dependencies?: Readonly<Record<string, string>> }} manifest
   */
  beforePacking(manifest) {
    if (manifest.name !== 'digitlab') return manifest
    const isBundled = (/** @type {string} */ name) => /^@(digitlab|tensorflow)\//.test(name)
    const dependencies = Object.entries(manifest.dependencies ?? {}).filter(([name]) => !isBundled(name))
    return { ...manifest, dependencies: Object.fromEntries(dependencies) }
  },
}
