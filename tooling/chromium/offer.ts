// One Chromium for all files of tests of a run: started by vitest's own process when the first of them asks for it.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserServer } from 'playwright-core'

/** Pages under the address bar that each window of Chromium's has, although nobody sees it: half a second of CPU for each page of a test. */
const unseen = ['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup']

/** A process that is started for the page after the next. */
const ahead = ['SpareRendererForSitePerProcess']

/** What Playwright turns off itself: Chromium hears the last such flag alone. */
const ofPlaywright = [
  ...['AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'HttpsUpgrades', 'LensOverlay'],
  ...['HttpsFirstBalancedModeAutoEnable', 'MediaRouter', 'PaintHolding', 'ThirdPartyStoragePartitioning'],
  ...['AvoidCorsURLLoaderRestartOnRedirect', 'TcpPortRandomizationWin', 'OptimizationHints', 'AimEnabled'],
  ...['NetworkTimeServiceQuerying', 'PreconnectToSearch', 'msForceBrowserSignIn'],
  'msEdgeUpdateLaunchServicesPreferredVersion',
]
const turnOff = '--disable-features='

/** Tests can say `plain.test`, a name of this machine that is not `localhost`. */
const flags = [
  '--host-resolver-rules=MAP plain.test 127.0.0.1',
  turnOff + [...ofPlaywright, ...unseen, ...ahead].join(','),
]

/** The processor draws pages itself: by the GPU that it plays, of which only the page's own WebGL and WebGPU are wanted, it takes twice as long. */
const drawing = ['--disable-gpu-compositing', '--disable-gpu-rasterization']

/** WebGL's shaders are compiled once, when they are first used, not in parts and ahead as well: a third of what a test on WebGL takes. */
const compiling = ['--disable-angle-features=warmUpPipelineCacheAtLink,supportsGraphicsPipelineLibrary']

/** What Playwright turns off and {@link ofPlaywright} lacks: nothing, until its version changes. */
const lackingIn = (browser: BrowserServer): string[] => {
  const [theirs = ''] = browser.process().spawnargs.filter((flag) => flag.startsWith(turnOff))
  return theirs
    .slice(turnOff.length)
    .split(',')
    .filter((feature) => !ofPlaywright.includes(feature))
}

/** With a GPU of software and without: a Chromium of each, for who asks at `/gpu` or `/plain`. */
type Kind = 'gpu' | 'plain'

/** Answers the address of a Chromium's socket, until it is closed. */
export const offerChromium = async (): Promise<{ readonly url: string; close(): Promise<void> }> => {
  const started = new Map<Kind, Promise<BrowserServer>>()
  const start = async (kind: Kind): Promise<BrowserServer> => {
    // Most runs of a few tests need no browser: what starts it is loaded with it.
    const { serveChromium } = await import('./chromium')
    const browser = await serveChromium({ flags: [...flags, ...drawing, ...compiling], gpu: kind === 'gpu' })
    const lacking = lackingIn(browser).join(', ')
    if (lacking !== '') {
      await browser.close()
      throw new Error(`Playwright turns off ${lacking}, which tooling/chromium/offer.ts lacks`)
    }
    // One that has crashed takes its tests with it; those that follow get another.
    browser.once('close', () => started.delete(kind))
    return browser
  }
  const shared = (kind: Kind): Promise<BrowserServer> => {
    const known = started.get(kind) ?? start(kind)
    started.set(kind, known)
    known.catch(() => started.delete(kind))
    return known
  }
  const server = createServer((request, response) => {
    shared(request.url === '/gpu' ? 'gpu' : 'plain').then(
      (browser) => response.end(browser.wsEndpoint()),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await Promise.allSettled([...started.values()].map(async (browser) => (await browser).close()))
    },
  }
}
