// The picture that a link to the page is shown with: 1200 x 630 pixels, as those who show previews ask for.
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { figurePng } from '@digitlab/report/node'
import sharp from 'sharp'
import { picturesFolder, root } from './drawn'

const size = { width: 1200, height: 630 }
const source = join(picturesFolder, 'study-light.svg')
/** Says which drawing the picture is of. */
const stamp = join(picturesFolder, 'preview.sha256')

const sourceHash = async (): Promise<string> =>
  createHash('sha256')
    .update(await readFile(source, 'utf8'))
    .digest('hex')

/** Whether the picture is of the study as it is drawn today. */
export const previewIsFresh = async (): Promise<boolean> =>
  (await readFile(stamp, 'utf8')).trim() === (await sourceHash())

export const writePreview = async (): Promise<void> => {
  const drawn = await figurePng(await readFile(source, 'utf8'))
  const picture = await sharp(drawn)
    .resize({ width: size.width - 60, height: size.height - 60, fit: 'inside' })
    .toBuffer()
  const background = { create: { ...size, channels: 3 as const, background: '#ffffff' } }
  await sharp(background)
    .composite([{ input: picture, gravity: 'centre' }])
    .png({ palette: true })
    .toFile(join(root, 'apps', 'web', 'public', 'preview.png'))
  await writeFile(stamp, `${await sourceHash()}\n`)
}
