// Models on Hugging Face's hub, by its own client, which who pushes or reads one installs. HF_ENDPOINT names another hub.
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from './usage-error'

/** 'hf:user/name', and a file in it where that is not the card's own. */
const hubPath = /^hf:([\w-][\w.-]*\/[\w-][\w.-]*)(?:\/(.+))?$/

/** Where the weights of a model lie, as `convert --card` writes them. */
const usualFile = 'model.safetensors'

export const isOnHub = (path: string): boolean => path.startsWith('hf:')

const loadHub = async () => {
  try {
    return await import('@huggingface/hub')
  } catch (cause) {
    throw new UsageError(
      'models on Hugging Face are reached by the package @huggingface/hub, which is not installed: run "npm install @huggingface/hub" where digitlab is installed',
      { cause },
    )
  }
}

/** The hub's address, where it is not huggingface.co. */
const endpoint = (): { readonly hubUrl?: string } => {
  const named = process.env['HF_ENDPOINT']
  return named ? { hubUrl: named.replace(/\/+$/, '') } : {}
}

/** The token from its usual places: HF_TOKEN, or the file that `hf auth login` writes. */
const findToken = async (): Promise<string | undefined> => {
  const { HF_TOKEN, HF_TOKEN_PATH, HF_HOME, XDG_CACHE_HOME } = process.env
  if (HF_TOKEN) return HF_TOKEN
  const home = HF_HOME || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'huggingface')
  const text = await readFile(HF_TOKEN_PATH || join(home, 'token'), 'utf8').catch(() => '')
  return text.trim() || undefined
}

/** Why a request failed, as a sentence; anything that is no answer of the hub and no failed connection is thrown as it is. */
const refusal = (what: string, error: unknown): UsageError => {
  const { statusCode, message } = error as { statusCode?: number; message: string }
  const next =
    statusCode === 401
      ? 'the token is missing, wrong or expired: make one on huggingface.co/settings/tokens and set HF_TOKEN, or run "hf auth login"'
      : statusCode === 403
        ? 'the token may not do that: give it the right to write to this repository'
        : statusCode === 404
          ? 'there is no such repository, or it is private and the token may not read it: look for its name on the hub'
          : undefined
  if (statusCode !== undefined)
    return new UsageError(`Hugging Face refused ${what} (${message}): ${next ?? 'try again later'}`, { cause: error })
  if (error instanceof TypeError && error.message.includes('fetch failed')) {
    const reason = error.cause instanceof Error ? error.cause.message : error.message
    return new UsageError(`could not reach Hugging Face for ${what} (${reason}): try again when it can be reached`, {
      cause: error,
    })
  }
  throw error
}

const checkToken = (token: string): string => {
  if (token.startsWith('hf_')) return token
  throw new UsageError('the token of Hugging Face must begin with hf_: make one on huggingface.co/settings/tokens')
}

/**
 * Uploads files as one commit; the repository is made if there is none.
 *
 * @returns the address of the model
 * @throws UsageError if there is no token, it may not do that, or the hub cannot be reached
 */
export const pushToHub = async (
  name: string,
  files: ReadonlyMap<string, string | Uint8Array>,
  options: { readonly private: boolean; readonly title: string },
): Promise<string> => {
  if (!hubPath.test(`hf:${name}`) || name.split('/').length !== 2)
    throw new UsageError(
      `expected the name of a model on Hugging Face such as user/name, found ${JSON.stringify(name)}`,
    )
  const hub = await loadHub()
  const found = await findToken()
  if (found === undefined)
    throw new UsageError(
      'pushing needs a token of Hugging Face: set HF_TOKEN, or run "hf auth login"; huggingface.co/settings/tokens makes one',
    )
  const target = { repo: { type: 'model', name }, accessToken: checkToken(found), ...endpoint() } as const
  try {
    await hub.createRepo({ ...target, visibility: options.private ? 'private' : 'public' }).catch((error: unknown) => {
      if ((error as { statusCode?: number }).statusCode !== 409) throw error // it is there already
    })
    await hub.uploadFiles({
      ...target,
      files: [...files].map(([path, content]) => ({ path, content: new Blob([content as BlobPart]) })),
      commitTitle: options.title,
    })
  } catch (error) {
    throw refusal(`to take ${name}`, error)
  }
  return `${target.hubUrl ?? 'https://huggingface.co'}/${name}`
}

/**
 * Reads a file of a model on the hub.
 *
 * @param path 'hf:user/name' for its model.safetensors, or 'hf:user/name/file'
 * @throws UsageError if there is no such file, or the hub cannot be reached
 */
export const readFromHub = async (path: string): Promise<Uint8Array> => {
  const [, name, file = usualFile] = hubPath.exec(path) ?? []
  if (name === undefined)
    throw new UsageError(`expected a model on Hugging Face such as hf:user/name, found ${JSON.stringify(path)}`)
  const hub = await loadHub()
  const token = await findToken()
  const access = token === undefined ? {} : { accessToken: checkToken(token) }
  let blob
  try {
    blob = await hub.downloadFile({ repo: { type: 'model', name }, path: file, ...access, ...endpoint() })
    if (blob) return new Uint8Array(await blob.arrayBuffer())
  } catch (error) {
    throw refusal(path, error)
  }
  throw new UsageError(
    `${name} has no ${file} on Hugging Face: name one of its files, such as hf:${name}/weights.safetensors`,
  )
}
