import { fileURLToPath } from 'node:url'
import { catalogue } from '@digitlab/data'
import { findDatasets } from '@digitlab/data/node'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { interruptible } from '../interrupt'
import { listen } from '../listen'
import { shared, wholeNumber } from '../options'
import { note, warn, writeResult } from '../output'
import { readPage } from '../page-files'
import { pageListener } from '../page-server'
import { outlined } from './outline'

interface Flags {
  readonly port?: number
  readonly dataDir?: string
  readonly page?: string
  readonly open?: boolean
  readonly json?: boolean
}

/** The year of MNIST's paper. A browser keeps what the page stores by its port, so that it should stay the same. */
const usualPort = 1998

/** Where the build of this package puts the page. */
const pageFolder = fileURLToPath(new URL('../page', import.meta.url))

const portNumber = (text: string): number => {
  const port = wholeNumber(text)
  if (port > 65535) throw new InvalidArgumentError('It must be at most 65535.')
  return port
}

const serve = async ({
  port,
  dataDir,
  page: folder = pageFolder,
  open = false,
  json = false,
}: Flags): Promise<void> => {
  const page = await readPage(folder)
  const datasets = await findDatasets({ ...(dataDir === undefined ? {} : { folder: dataDir }), onNotice: note })
  let listeningPort = 0
  const listener = pageListener(page, datasets, () => listeningPort)
  await interruptible('stopping ...', async (signal) => {
    const server = await listen(listener, port === undefined ? { from: usualPort } : { named: port })
    listeningPort = server.port
    const url = `http://localhost:${server.port}/`
    for (const { title, origin } of datasets) note(`data set: ${title} from ${origin}`)
    if (!datasets.some(({ name }) => name === 'mnist'))
      note(
        `${catalogue.mnist.title} is not here: the page fetches it from a mirror ("digitlab data fetch" keeps it here)`,
      )
    writeResult(
      json,
      () => ({
        url,
        port: server.port,
        addresses: server.addresses,
        datasets: datasets.map(({ name, title, origin }) => ({ name, title, origin })),
      }),
      () => `${url}\nCtrl-C ends it`,
    )
    if (open) await openInBrowser(url)
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve())
    })
    await server.close()
  })
}

/** A machine without a browser, or without a screen, is no reason to stop: the address has been said. */
const openInBrowser = async (url: string): Promise<void> => {
  const failed = (why: string) => warn(`could not open a browser (${why}): open ${url} in one yourself`)
  try {
    const { default: open } = await import('open')
    const opener = await open(url)
    opener.once('error', ({ message }) => failed(message))
    opener.once('exit', (code) => code && failed(`the opener of this machine ended with ${code}`))
  } catch (error) {
    failed((error as Error).message)
  }
}

export const serveCommand = (): Command =>
  outlined('serve')
    .addOption(
      new Option('--port <n>', `where to listen, 0 for any (${usualPort}, or the next free one)`).argParser(portNumber),
    )
    .option('--data-dir <folder>', 'where files of data sets are (besides DIGITLAB_DATA and the cache)')
    .option('--open', 'open the page in a browser')
    .option('--page <folder>', 'another build of the page than the bundled one')
    .addOption(shared.json())
    .action(serve)
