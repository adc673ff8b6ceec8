// What a release attaches: `node tooling/release/sbom.mjs --out FILE`.
import '../packages/sbom.mjs'
