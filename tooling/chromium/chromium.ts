// Chromium for tests: found on the machine, started with what software rendering needs, or a reason to skip.
import { chromium, type Browser, type BrowserServer } from 'playwright-core'
import { findChromium } from './find-chromium'

/** One that is installed, or Playwright's own where its command has installed that. */
const installed = (): string | undefined => findChromium([chromium.executablePath()])

const absent = (): string => {
  const named = process.env['DIGITLAB_CHROMIUM']
  return named
    ? `no Chromium: there is no ${named}, which DIGITLAB_CHROMIUM names`
    : 'no Chromium: run "apt-get install chromium" or set DIGITLAB_CHROMIUM'
}

const required = process.env['REQUIRE_BROWSER'] === '1'

/**
 * Why tests in Chromium are to be skipped; undefined where there is one, and under REQUIRE_BROWSER=1, where
 * {@link launchChromium} fails instead.
 */
export const chromiumMissing: string | undefined = required || installed() !== undefined ? undefined : absent()

/** What Chromium needs to give WebGPU and WebGL on its software adapter, SwiftShader, where there is no GPU or no driver. */
const softwareRendering = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
]

export interface LaunchOptions {
  /** Further flags of Chromium's command line. */
  readonly flags?: readonly string[]
  /** Whether WebGPU and WebGL are to be there, computed by the processor: true unless given. */
  readonly gpu?: boolean
}

const launching = ({ flags = [], gpu = true }: LaunchOptions) => {
  const executablePath = installed()
  if (executablePath === undefined) throw new Error(absent())
  // Chromium refuses its sandbox to root, as whom containers run.
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const rendering = gpu ? softwareRendering : ['--disable-gpu', '--disable-3d-apis']
  return { executablePath, args: [...root, ...rendering, ...flags], timeout: 100_000 }
}

/**
 * Starts Chromium without a window. Whoever starts it closes it; files of tests share one instead (shared.ts).
 *
 * @throws Error where there is none, with what to do
 */
export const launchChromium = async (options: LaunchOptions = {}): Promise<Browser> =>
  chromium.launch(launching(options))

/** The same for other processes, which connect to its address. */
export const serveChromium = async (options: LaunchOptions = {}): Promise<BrowserServer> =>
  chromium.launchServer({ ...launching(options), host: '127.0.0.1' })
