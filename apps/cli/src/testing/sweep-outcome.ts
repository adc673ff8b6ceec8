import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseRun } from '@digitlab/train'
import { expect } from 'vitest'

/**
 * What of a sweep may not differ by a bit: every figure of its runs but the clock, and the files of weights and predictions. Checks that
 * nothing lies in their folders but what a whole run leaves.
 */
export const sweepOutcome = async (folder: string) => {
  const names = (await readdir(join(folder, 'runs'))).sort()
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, 'runs', name)
      const left = (await readdir(path)).filter((file) => !file.startsWith('failure-')).sort()
      expect(left, name).toEqual(['events.jsonl', 'predictions.safetensors', 'run.json', 'weights.safetensors'])
      const run = parseRun(await readFile(join(path, 'run.json'), 'utf8'))
      return {
        ...{ name, id: run.id, status: run.status, experiment: run.experiment, metrics: run.metrics },
        stepLosses: run.history.stepLosses,
        epochs: run.history.epochs.map((record) => ({ ...record, trainSeconds: 0, evaluationSeconds: 0 })),
        weights: await readFile(join(path, 'weights.safetensors')),
        predictions: await readFile(join(path, 'predictions.safetensors')),
      }
    }),
  )
}
