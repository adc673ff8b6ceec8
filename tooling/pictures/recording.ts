// The page as an animated picture: a digit is drawn and read, a cnn trains, and another digit is read as it learns.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { launchChromium } from '../chromium/chromium'
import { picturesFolder } from './drawn'
import { pageHash } from './page-hash'

/** The page as it is drawn, and as large as the recording is. */
const viewport = { width: 1240, height: 1000 }
const size = { width: 930, height: 750 }

type Point = readonly [x: number, y: number]

/** Shares of the sheet's sides. */
const three: readonly Point[] = [
  [0.32, 0.24],
  [0.45, 0.18],
  [0.6, 0.22],
  [0.64, 0.34],
  [0.55, 0.45],
  [0.45, 0.48],
  [0.58, 0.51],
  [0.67, 0.62],
  [0.62, 0.76],
  [0.47, 0.82],
  [0.32, 0.76],
]
const seven: readonly Point[] = [
  [0.27, 0.22],
  [0.45, 0.22],
  [0.7, 0.21],
  [0.6, 0.42],
  [0.52, 0.62],
  [0.45, 0.84],
]

interface Frame {
  readonly png: Buffer
  /** Milliseconds. */
  readonly delay: number
}

/** Draws with the mouse, looking at the page as it does. */
const draw = async (page: Page, points: readonly Point[], look: () => Promise<void>): Promise<void> => {
  const box = await page.locator('#draw .sheet canvas').boundingBox()
  if (!box) throw new Error('expected a sheet to draw on')
  const place = ([x, y]: Point): [number, number] => [box.x + x * box.width, box.y + y * box.height]
  const [first = [0.5, 0.5], ...rest] = points
  await page.mouse.move(...place(first))
  await page.mouse.down()
  for (const [n, point] of rest.entries()) {
    await page.mouse.move(...place(point), { steps: 4 })
    if (n % 2 === 1) await look()
  }
  await page.mouse.up()
}

const play = async (page: Page, theme: 'light' | 'dark'): Promise<Frame[]> => {
  const frames: Frame[] = []
  const look = async (delay: number) => void frames.push({ png: await page.screenshot(), delay })
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
  await page.getByRole('button', { name: 'Train cnn' }).waitFor()
  await page.getByText('looking …').first().waitFor({ state: 'hidden' })
  await look(900)
  await draw(page, three, () => look(120))
  await page.locator('.said strong').waitFor()
  await look(1_800)
  await page.getByRole('button', { name: 'Clear' }).click()
  await page.getByRole('button', { name: 'Train cnn' }).click()
  await page.locator('[data-phase=training]').waitFor()
  await look(300)
  await draw(page, seven, () => look(120))
  await page.locator('.said strong').waitFor()
  for (let n = 0; n < 60; n++) {
    await look(350)
    if (await page.locator('[data-phase=idle]').isVisible()) break
    await page.waitForTimeout(900)
  }
  await page.waitForTimeout(1_500) // the last curves
  await look(3_500)
  return frames
}

/** The frames in a file of WebP, lossy but for nobody to see. */
const animated = async (frames: readonly Frame[]): Promise<Buffer> => {
  const shrunk = await Promise.all(frames.map(({ png }) => sharp(png).resize(size).png().toBuffer()))
  return sharp(shrunk, { join: { animated: true } })
    .webp({ quality: 72, effort: 4, loop: 0, delay: frames.map(({ delay }) => delay), minSize: true })
    .toBuffer()
}

/** Starts the command's server, and waits until it says where it listens. */
const served = async (command: string, options: readonly string[]) => {
  const server = execa('node', [command, 'serve', '--port', '0', ...options], { reject: false })
  const address = await new Promise<string>((resolve, reject) => {
    let said = ''
    server.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      const [found] = /http:\/\/localhost:\d+\/(?=\s)/.exec(said) ?? []
      if (found !== undefined) resolve(found)
    })
    server.once('close', () => reject(new Error(`"digitlab serve" ended before it said where it listens: ${said}`)))
  })
  return { address, server }
}

/** Records the page that the command serves, with the data sets that it is given. */
export const record = async (command: string, options: readonly string[]): Promise<void> => {
  const { address, server } = await served(command, options)
  const browser = await launchChromium({ gpu: false })
  try {
    for (const theme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ viewport })
      await page.goto(`${address}?model=cnn&seed=0&epochs=2&data=mnist`)
      const webp = await animated(await play(page, theme))
      await writeFile(join(picturesFolder, `page-${theme}.webp`), webp)
      await page.close()
    }
    await writeFile(join(picturesFolder, 'page.sha256'), `${await pageHash()}\n`)
  } finally {
    await browser.close()
    server.kill()
  }
}
