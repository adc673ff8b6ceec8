// No picture is older than what it shows.
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { completeExperiment, experimentId } from '@digitlab/train'
import { describe, expect, test } from 'vitest'
import { drawnPictures, picturesFolder, readStudy, readTraces, root } from './drawn'
import { pageHash } from './page-hash'
import { previewIsFresh } from './preview'
import { largestDifference } from './same-seed-picture'
import { hasStudyTable } from './study-table'

const stale = 'is older than what it shows: run "npm run pictures"'

describe('the pictures of the README', async () => {
  const study = await readStudy()

  test('are of the experiments that the command trains by default', async () => {
    const ids = study.runs.map(({ run }) => run.id)
    const models = ['linear', 'two-layer', 'cnn']
    const expected = models.map((model) => experimentId(completeExperiment({ model, dataset: 'mnist' })))
    expect(ids, `study.json ${stale}`).toEqual(await Promise.all(expected))
  })

  test('show losses that are those of PyTorch with the same seed', async () => {
    expect(largestDifference(study, await readTraces())).toBeLessThan(1e-3)
  })

  test.each([...(await drawnPictures(study))])(
    '%s is what its numbers and its drawing make today',
    async (name, svg) => {
      expect((await readFile(join(picturesFolder, name), 'utf8')) === svg, `${name} ${stale}`).toBe(true)
    },
  )

  test('the table in the README is of the same runs', async () => {
    const readme = join(root, 'README.md')
    expect(await hasStudyTable(study, await readFile(readme, 'utf8')), `the table ${stale}`).toBe(true)
  })

  test("the preview of the page's links is of the study, and named in the page", async () => {
    expect(await previewIsFresh(), `the preview ${stale}`).toBe(true)
    const web = join(root, 'apps', 'web')
    expect(await readFile(join(web, 'index.html'), 'utf8')).toContain('property="og:image" content="./preview.png"')
    expect((await stat(join(web, 'public', 'preview.png'))).size).toBeLessThan(120_000)
  })

  test('the recording is of the page as it is, and below 1 MB', async () => {
    const kept = (await readFile(join(picturesFolder, 'page.sha256'), 'utf8')).trim()
    expect(await pageHash(), `the recording of the page ${stale}`).toBe(kept)
    for (const theme of ['light', 'dark'])
      expect((await stat(join(picturesFolder, `page-${theme}.webp`))).size).toBeLessThan(1_000_000)
  })

  test('are all shown by a document', async () => {
    const shown = await readFile(join(root, 'README.md'), 'utf8')
    const pictures = (await readdir(picturesFolder)).filter((name) => /\.(svg|webp)$/.test(name))
    expect(pictures.filter((name) => !shown.includes(`docs/pictures/${name}`))).toEqual([])
  })
})
