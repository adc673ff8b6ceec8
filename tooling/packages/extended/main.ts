// Trains with all of them, goes on from a checkpoint, and draws the run.
import { strokes } from '@digitlab/data'
import { runReportHtml } from '@digitlab/report/figures'
import { parseRun, readCheckpoint, runExperiment, writeCheckpoint, type ExperimentInput } from '@digitlab/train'
import { mirror } from './augmentation'
import { delegating } from './backend'
import { scaledTanh } from './layer'
import { meanSquares } from './loss'
import { topTwo } from './metric'
import { signSgd } from './optimizer'
import { falling } from './schedule'

const extensions = {
  layers: [scaledTanh],
  optimizers: [signSgd],
  schedules: [falling],
  losses: [meanSquares],
  augmentations: [mirror],
  metrics: [topTwo],
}
const experiment: ExperimentInput = {
  model: {
    name: 'own',
    input: [28, 28, 1],
    layers: [
      { type: 'flatten' },
      { type: 'dense', name: 'hidden', out: 16 },
      { type: 'scaledTanh', scale: 1.7 },
      { type: 'dense', name: 'out', out: 10 },
    ],
  },
  epochs: 2,
  batchSize: 32,
  optimizer: { name: 'signSgd', learningRate: 0.002 },
  schedule: { name: 'falling' },
  loss: { name: 'meanSquares' },
  augment: [{ name: 'affine', shift: 1 }, { name: 'mirror', probability: 0.2 }, { name: 'mixup' }],
}
const options = { data: await strokes({ trainCount: 320, testCount: 80 }), backend: delegating, extensions }

const kept: Uint8Array[] = []
const save = async (checkpoint: Parameters<typeof writeCheckpoint>[0]) => {
  kept.push(await writeCheckpoint(checkpoint))
}
const whole = await runExperiment(experiment, { ...options, checkpoint: { every: { steps: 7 }, save } })
// After the seventh step of the first epoch, and after the fourteenth, within the second.
const ends = []
for (const bytes of kept.slice(1)) {
  const resume = await readCheckpoint(bytes, 'the checkpoint', extensions)
  ends.push(await runExperiment(experiment, { ...options, resume }))
}
const bits = (weights: typeof whole.weights) => [...weights].map(([name, { data }]) => [name, [...data]])
const page = await runReportHtml({ run: parseRun(JSON.stringify(whole.run)) })
console.log(
  JSON.stringify({
    backend: whole.run.backend.id,
    losses: whole.run.history.epochs.map(({ trainLoss }) => trainLoss),
    accuracy: whole.run.metrics.accuracy,
    custom: whole.run.metrics.custom,
    resumed: ends.map((end) => JSON.stringify(bits(end.weights)) === JSON.stringify(bits(whole.weights))),
    page: page.startsWith('<!doctype html>') && page.includes('own'),
  }),
)
