import { percent } from '@digitlab/report'
import { type Command } from 'commander'
import { pushToHub } from '../hub'
import { cardFiles } from '../model-card'
import { shared } from '../options'
import { note, writeResult } from '../output'
import { readRun } from '../run-folder'
import { outlined } from './outline'

interface Flags {
  readonly license: string
  readonly private?: boolean
  readonly json?: boolean
}

export const pushCommand = (): Command =>
  outlined('push')
    .argument('<run>', "a run's folder or its run.json")
    .argument('<name>', 'user/name on Hugging Face; created if there is none')
    .option('--license <id>', "the licence that the card names, by Hugging Face's names", 'unknown')
    .option('--private', 'make the repository private, where it is made')
    .addOption(shared.json())
    .action(async (path: string, name: string, flags: Flags) => {
      const { run, weights } = await readRun(path)
      const files = await cardFiles(run, weights, flags)
      note(`uploading ${files.size} files to ${name} ...`)
      const title = `${run.model.name}, ${percent(run.metrics.accuracy)} of the test images`
      const url = await pushToHub(name, files, { private: flags.private ?? false, title })
      writeResult(
        flags.json ?? false,
        () => ({ url, files: [...files.keys()] }),
        () => `pushed to ${url}`,
      )
    })
