// What a registry has, and how something gets there.
import { gte } from 'semver'
import { npm, attempt, run } from './shell'
import { ReleaseError } from './release-error'
import type { Manifest } from '../packages/published'

const secondsToAnswer = 30

/** The registry that npm is configured for in a folder; ends with a slash. */
export const configuredRegistry = async (root: string): Promise<string> => {
  const url = (await run([...npm(), 'config', 'get', 'registry'], { cwd: root, seconds: 60 })).trim()
  return url.endsWith('/') ? url : `${url}/`
}

/** What a registry has of a package; all empty for a package it has never had. */
export interface OnRegistry {
  readonly versions: readonly string[]
  /** The version that each tag is at. */
  readonly tags: Readonly<Record<string, string>>
  /** By version. */
  readonly manifests: Readonly<Record<string, Manifest>>
}

/**
 * What a registry says of a package.
 *
 * @throws ReleaseError where the registry does not answer
 */
export const lookUp = async (registry: string, name: string): Promise<OnRegistry> => {
  const url = new URL(name.replace('/', '%2f'), registry)
  const signal = AbortSignal.timeout(secondsToAnswer * 1000)
  const headers = { accept: 'application/vnd.npm.install-v1+json' }
  const response = await fetch(url, { signal, headers }).catch((error: Error) => {
    const { message } = error.cause instanceof Error ? error.cause : error
    throw new ReleaseError(`the registry cannot be reached for ${name}: ${message}`, { cause: error })
  })
  if (response.status === 404) return { versions: [], tags: {}, manifests: {} }
  if (!response.ok)
    throw new ReleaseError(`the registry answers ${response.status} when asked for ${name}: try again later`)
  const said = (await response.json()) as {
    versions?: Record<string, Manifest>
    'dist-tags'?: Record<string, string>
  }
  const manifests = said.versions ?? {}
  return { versions: Object.keys(manifests), tags: said['dist-tags'] ?? {}, manifests }
}

/** Whether a job of GitHub's may publish by its identity, without a token. */
const hasTrustedIdentity = (env: NodeJS.ProcessEnv) => env['ACTIONS_ID_TOKEN_REQUEST_URL'] !== undefined

/** What npm has to be for trusted publishing. */
const trustingNpm = '11.5.1'

/** @throws ReleaseError where a registry would refuse to be published to, told before anything has changed */
export const requireLogin = async (root: string, registry: string, env: NodeJS.ProcessEnv): Promise<void> => {
  if (hasTrustedIdentity(env)) {
    const version = (await run([...npm(), '--version'], { cwd: root, seconds: 60 })).trim()
    if (gte(version, trustingNpm)) return
    throw new ReleaseError(`npm ${version} knows no trusted publishing: it needs ${trustingNpm} or later`)
  }
  const { status, stderr } = await attempt([...npm(), 'whoami', '--registry', registry], { cwd: root, seconds: 60 })
  if (status === 0) return
  if (/ENEEDAUTH|E401/.test(stderr))
    throw new ReleaseError('nobody is logged in to the registry: run "npm login" first')
  throw new ReleaseError(`the registry does not tell who is logged in; npm said:\n${stderr.trimEnd()}`)
}

/** Sends one tarball. */
export const publishTarball = (
  root: string,
  registry: string,
  tarball: string,
  { tag, env }: { readonly tag: string; readonly env: NodeJS.ProcessEnv },
): Promise<string> => {
  const provenance = hasTrustedIdentity(env) ? ['--provenance'] : []
  const flags = ['--registry', registry, '--tag', tag, '--access', 'public', ...provenance]
  return run([...npm(), 'publish', tarball, ...flags], { cwd: root, env, seconds: 300 })
}
