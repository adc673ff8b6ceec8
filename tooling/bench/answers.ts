// How soon trained weights answer: the 10,000 test images evaluated, and one picture from the start of a command to its answer; beside
// PyTorch and onnxruntime with the same weights.
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadDataset } from '@digitlab/data/node'
import { initialWeights, resolveModel, type ModelName } from '@digitlab/models'
import { MersenneTwister } from '@digitlab/random'
import { gridPng, imageGrid } from '@digitlab/report'
import { weightsMetadata, writeOnnx, writePth, writeSafetensors } from '@digitlab/weights'
import { startSide } from './side'

/** Seconds, a round each. */
export interface AnswerFigures {
  readonly model: string
  readonly sides: readonly {
    readonly title: string
    /** Of the evaluation of 10,000 images. */
    readonly evaluation: readonly number[]
    /** From the start of the program to its answer for one picture. */
    readonly picture: readonly number[]
  }[]
}

const script = (name: string) => fileURLToPath(new URL(`sides/${name}`, import.meta.url))
const command = fileURLToPath(new URL('../../apps/cli/bin/digitlab.js', import.meta.url))

interface Told {
  readonly seconds: number
  readonly right: number
}

/** The version of onnxruntime-node in a folder; undefined where there is none. */
const onnxruntimeIn = (folder: string | undefined): string | undefined => {
  if (folder === undefined) return undefined
  try {
    return (createRequire(join(folder, 'index.js'))('onnxruntime-node/package.json') as { version: string }).version
  } catch {
    return undefined
  }
}

/** Seconds that a program takes, and the digit that it answers. */
const timed = (program: string, args: readonly string[]) =>
  new Promise<{ readonly seconds: number; readonly digit: number }>((resolve, reject) => {
    const from = performance.now()
    let [out, err, seconds] = ['', '', 0]
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      seconds = (performance.now() - from) / 1000 // its last word is its answer
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    child.once('error', reject)
    child.once('close', (code) => {
      const digit = Number(/"class": ?(\d)/.exec(out)?.[1] ?? out.trim())
      if (code === 0 && Number.isInteger(digit)) resolve({ seconds, digit })
      else reject(new Error(`expected a digit, the program said: ${(err || out).slice(-300)}`))
    })
  })

/** Measures each model with weights of its own draw: how good they are changes no time. */
export const measureAnswers = async (
  models: readonly ModelName[],
  {
    data: folder,
    temporary,
    cores,
    python,
    torch,
    onnxruntime,
  }: {
    readonly data: string
    readonly temporary: string
    readonly cores: number
    readonly python: string
    readonly torch: string | undefined
    /** The folder in which onnxruntime-node is installed. */
    readonly onnxruntime: string | undefined
  },
  { rounds, say }: { readonly rounds: number; readonly say: (sentence: string) => void },
): Promise<AnswerFigures[]> => {
  const data = await loadDataset('mnist', { folder })
  const image = data.test.images.subarray(0, 784)
  const picture = join(temporary, 'seven.png')
  await writeFile(picture, gridPng(imageGrid(image, { height: 28, width: 28, scale: 1 })))
  const raw = join(temporary, 'seven.bin')
  await writeFile(raw, image)
  const figures: AnswerFigures[] = []
  const onnxVersion = onnxruntimeIn(onnxruntime)
  for (const name of models) {
    const model = resolveModel(name)
    const weights = initialWeights(model, new MersenneTwister(0))
    const at = (ending: string) => join(temporary, `${name}.${ending}`)
    await writeFile(at('safetensors'), writeSafetensors(weights, { metadata: weightsMetadata(model.definition) }))
    await writeFile(at('pth'), writePth(weights))
    await writeFile(at('onnx'), writeOnnx(model, weights))
    const task = { model: name, data: folder, weights: at('pth'), onnx: at('onnx'), threads: cores, picture: raw }
    const reference = fileURLToPath(new URL('../reference', import.meta.url))
    const node = (file: string, more: object) => [script(file), JSON.stringify({ ...task, ...more })]
    const sides = [
      {
        title: 'digitlab wasm',
        evaluating: [process.execPath, ...node('answers.mjs', {})],
        predicting: [process.execPath, command, 'predict', at('safetensors'), picture, '--backend', 'wasm', '--json'],
      },
      ...(torch === undefined
        ? []
        : [
            {
              title: `PyTorch ${torch}`,
              evaluating: [python, script('torch_answers.py'), JSON.stringify({ ...task, reference })],
              predicting: [python, script('torch_answers.py'), JSON.stringify({ ...task, reference, once: true })],
            },
          ]),
      ...(onnxVersion === undefined
        ? []
        : [
            {
              title: `onnxruntime-node ${onnxVersion}`,
              evaluating: [process.execPath, ...node('onnx-answers.mjs', { onnxruntime })],
              predicting: [process.execPath, ...node('onnx-answers.mjs', { onnxruntime, once: true })],
            },
          ]),
    ]
    const running = sides.map(({ evaluating: [program = '', ...args], ...side }) => ({
      ...side,
      process: startSide<Told>(program, args),
      evaluation: [] as number[],
      picture: [] as number[],
    }))
    try {
      for (let round = 0; round <= rounds; round++) {
        const said = new Set<string>()
        for (const side of running) {
          const { seconds, right } = await side.process.turn()
          const [program = '', ...args] = side.predicting
          const once = await timed(program, args)
          said.add(`${right} of 10,000 right`)
          if (round > 0) side.evaluation.push(seconds)
          if (round > 0) side.picture.push(once.seconds)
        }
        if (said.size > 1) throw new Error(`${name}: the sides do not agree: ${[...said].join(', ')}`)
      }
    } finally {
      await Promise.all(running.map(({ process }) => process.end()))
    }
    figures.push({
      model: name,
      sides: running.map(({ title, evaluation, picture }) => ({ title, evaluation, picture })),
    })
    say(`${name}: evaluated`)
  }
  return figures
}
