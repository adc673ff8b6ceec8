// What a registry has, and how something gets there.
import { npm, attempt, run } from './shell.mjs'
import { ReleaseError } from './release-error.mjs'

const secondsToAnswer = 30

/** The registry that npm is configured for in a folder; ends with a slash. */
export const configuredRegistry = async (root) => {
  const url = (await run([...npm(), 'config', 'get', 'registry'], { cwd: root, seconds: 60 })).trim()
  return url.endsWith('/') ? url : `${url}/`
}

/**
 * What a registry says of a package.
 *
 * @returns { versions, tags, manifests }: the versions it has, which of them each tag is at, and the manifest of each; all
 *   empty for a package it has never had
 * @throws ReleaseError where the registry does not answer
 */
export const lookUp = async (registry, name) => {
  const url = new URL(name.replace('/', '%2f'), registry)
  const signal = AbortSignal.timeout(secondsToAnswer * 1000)
  const said = await fetch(url, { signal, headers: { accept: 'application/vnd.npm.install-v1+json' } }).then(
    async (response) => {
      if (response.status === 404) return { versions: {}, 'dist-tags': {} }
      if (response.ok) return response.json()
      throw new ReleaseError(`the registry answers ${response.status} when asked for ${name}: try again later`)
    },
    (error) => {
      throw new ReleaseError(`the registry cannot be reached for ${name}: ${error.cause?.message ?? error.message}`, {
        cause: error,
      })
    },
  )
  const manifests = said.versions ?? {}
  return { versions: Object.keys(manifests), tags: said['dist-tags'] ?? {}, manifests }
}

/** Whether a job of GitHub's may publish by its identity, without a token. */
export const hasTrustedIdentity = (env) => env.ACTIONS_ID_TOKEN_REQUEST_URL !== undefined

/** What npm has to be for trusted publishing. */
const trustingNpm = [11, 5, 1]

/** @throws ReleaseError where a registry would refuse to be published to, told before anything has changed */
export const requireLogin = async (root, registry, env) => {
  if (hasTrustedIdentity(env)) {
    const version = (await run([...npm(), '--version'], { cwd: root, seconds: 60 })).trim()
    const numbers = version.split('.').map(Number)
    const first = numbers.findIndex((number, i) => number !== trustingNpm[i])
    if (first < 0 || numbers[first] > trustingNpm[first]) return
    throw new ReleaseError(`npm ${version} knows no trusted publishing: it needs ${trustingNpm.join('.')} or later`)
  }
  const { status, stderr } = await attempt([...npm(), 'whoami', '--registry', registry], { cwd: root, seconds: 60 })
  if (status === 0) return
  if (/ENEEDAUTH|E401/.test(stderr))
    throw new ReleaseError('nobody is logged in to the registry: run "npm login" first')
  throw new ReleaseError(`the registry does not tell who is logged in; npm said:\n${stderr.trimEnd()}`)
}

/** Sends one tarball. */
export const publishTarball = (root, registry, tarball, { tag, env }) => {
  const provenance = hasTrustedIdentity(env) ? ['--provenance'] : []
  const flags = ['--registry', registry, '--tag', tag, '--access', 'public', ...provenance]
  return run([...npm(), 'publish', tarball, ...flags], { cwd: root, env, seconds: 300 })
}
