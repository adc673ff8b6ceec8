// What can stand in the way on this machine, each with what to do about it.
import { access, constants, mkdtemp, rm, statfs } from 'node:fs/promises'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { probeBackends, type Backend } from '@digitlab/backends'
import { catalogue } from '@digitlab/data'
import { cacheFolder, findDatasets } from '@digitlab/data/node'
import { isMendable } from '@digitlab/train/experiment'
import { mayHaveNvidiaGpu } from './nvidia'

/** What was looked at, and how it is: as it should be, worth knowing, or in the way. */
export interface Finding {
  readonly what: string
  readonly status: 'ok' | 'note' | 'wrong'
  readonly found: string
  /** What to do about it. */
  readonly remedy?: string
}

const gibibyte = 2 ** 30
const gibibytes = (bytes: number): string => `${(bytes / gibibyte).toFixed(bytes < 10 * gibibyte ? 1 : 0)} GiB`

/** What the catalogue's sets and a hundred runs take. */
const roomWanted = gibibyte
/** What MNIST and a run take. */
const roomNeeded = 100 * 2 ** 20

/** How long a mirror may take to answer, in milliseconds. */
const patience = 4000

const node = (version: string): Finding => {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const fits = major > 20 || (major === 20 && minor >= 19)
  const found = `${version}, ${availableParallelism()} cores, ${gibibytes(freemem())} of ${gibibytes(totalmem())} of memory free`
  if (fits) return { what: 'Node', status: 'ok', found }
  return { what: 'Node', status: 'wrong', found, remedy: 'install 20.19 or later from nodejs.org' }
}

const backendsHere = async (backends: readonly Backend[]): Promise<Finding[]> => {
  const probed = await probeBackends(backends)
  const usable = probed.some(({ probe }) => probe.usable)
  return probed.map(({ id, probe }) => {
    const what = `backend ${id}`
    if (probe.usable) return { what, status: 'ok', found: probe.device }
    const missed = !usable || (id === 'cuda' && mayHaveNvidiaGpu({}))
    return { what, status: missed ? 'wrong' : 'note', found: probe.reason, remedy: probe.remedy }
  })
}

/** The folder itself, or the nearest one above it that is there. */
const nearestFolder = async (folder: string): Promise<string> => {
  for (let path = resolve(folder); ; path = dirname(path)) {
    const there = await access(path).then(
      () => true,
      () => false,
    )
    if (there || path === dirname(path)) return path
  }
}

/** Whether a folder can be written to, and how much room is left. */
const folderHere = async (what: string, folder: string, elsewhere: string): Promise<Finding> => {
  const there = await nearestFolder(folder)
  try {
    await access(there, constants.W_OK)
    await rm(await mkdtemp(join(there, '.digitlab-doctor-')), { recursive: true })
  } catch (error) {
    return {
      what,
      status: 'wrong',
      found: `${folder} cannot be written to (${(error as Error).message})`,
      remedy: elsewhere,
    }
  }
  const { bavail, bsize } = await statfs(there)
  const free = bavail * bsize
  const found = `${folder}, ${gibibytes(free)} free`
  if (free >= roomWanted) return { what, status: 'ok', found }
  return { what, status: free < roomNeeded ? 'wrong' : 'note', found, remedy: `make room, or ${elsewhere}` }
}

const cache = async (): Promise<Finding> => {
  try {
    return await folderHere('cache', cacheFolder(), 'name another folder with DIGITLAB_CACHE')
  } catch (error) {
    if (!isMendable(error)) throw error
    return { what: 'cache', status: 'wrong', found: error.message }
  }
}

/** Whether one of the addresses answers. */
const answering = async (addresses: readonly string[]): Promise<{ address?: string; why: string }> => {
  let why = 'no address'
  for (const address of addresses)
    try {
      const { ok, status } = await fetch(address, { method: 'HEAD', signal: AbortSignal.timeout(patience) })
      if (ok) return { address, why: '' }
      why = `${new URL(address).host} answers ${status}`
    } catch (error) {
      const { message, cause } = error as Error
      why = `${address}: ${(cause as Error | undefined)?.message ?? message}`
    }
  return { why }
}

const mnist = async (): Promise<Finding[]> => {
  const notices: string[] = []
  const here = await findDatasets({ onNotice: (notice) => notices.push(notice) })
  const found = here.find(({ name }) => name === 'mnist')
  const { mirrors, files } = catalogue.mnist
  const own = process.env['DIGITLAB_MIRROR']
  const bases = own ? [`${own.replace(/\/$/, '')}/mnist/`] : mirrors
  const { address, why } = await answering(bases.map((base) => base + files.testLabels.name))
  const network: Finding = address
    ? { what: 'network', status: 'ok', found: `${new URL(address).host} answers` }
    : {
        what: 'network',
        status: found ? 'note' : 'wrong',
        found: `no mirror of MNIST answers (${why})`,
        remedy: found
          ? 'only data sets that are not here need it'
          : 'put its four files into a folder that DIGITLAB_DATA names, or take --dataset strokes, which needs no network',
      }
  return [
    ...notices.map((notice): Finding => ({ what: 'data', status: 'wrong', found: notice })),
    found
      ? { what: 'MNIST', status: 'ok', found: `in ${found.origin}` }
      : {
          what: 'MNIST',
          status: 'note',
          found: 'not on this machine',
          remedy: '"digitlab data fetch" downloads it (12 MB)',
        },
    network,
  ]
}

/** Looks at everything that training needs. */
export const examine = async (backends: readonly Backend[], version = process.versions.node): Promise<Finding[]> => [
  node(version),
  ...(await backendsHere(backends)),
  await cache(),
  await folderHere('this folder', '.', 'work in another folder'),
  ...(await mnist()),
]
