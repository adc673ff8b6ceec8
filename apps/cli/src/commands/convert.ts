import { basename, dirname, extname, join } from 'node:path'
import type { Model, StateDict } from '@digitlab/models'
import { grouped } from '@digitlab/report'
import {
  weightsMetadata,
  writeOnnx,
  writePth,
  writeSafetensors,
  writeTfjs,
  type Normalization,
} from '@digitlab/weights'
import { type Command, Option } from 'commander'
import { cardFiles } from '../model-card'
import { writeNewFiles } from '../new-files'
import { shared } from '../options'
import { warn, writeResult } from '../output'
import { readRun } from '../run-folder'
import { UsageError } from '../usage-error'
import { isRun, readableWeights, readModel } from '../weights-file'
import { outlined } from './outline'

interface Flags {
  readonly model?: string
  readonly key?: string
  readonly normalize?: Normalization
  readonly input: 'float32' | 'uint8'
  readonly probabilities?: boolean
  readonly card?: boolean
  readonly license: string
  readonly json?: boolean
}

type Write = (
  model: Model,
  weights: StateDict,
  metadata: Record<string, string>,
  flags: Omit<Flags, 'normalize'> & { readonly normalize: Normalization | undefined },
) => Map<string, Uint8Array>

const writePyTorch: Write = (_, weights) => new Map([['', writePth(weights)]])

/** By extension: the files to write, '' for the named one itself. */
const writers: Readonly<Record<string, Write>> = {
  '.safetensors': (_, weights, metadata) => new Map([['', writeSafetensors(weights, { metadata })]]),
  '.pth': writePyTorch,
  '.pt': writePyTorch,
  '.onnx': (model, weights, metadata, { input, probabilities = false, normalize }) =>
    new Map([['', writeOnnx(model, weights, { input, probabilities, normalize, metadata })]]),
  '.json': (model, weights, metadata, { normalize }) => writeTfjs(model, weights, { metadata, normalize }),
}

export const convertCommand = (): Command =>
  outlined('convert')
    .argument('<in>', readableWeights)
    .argument(
      '<out>',
      'a new file: .safetensors, .pth, .pt, .onnx, or model.json for TensorFlow.js with its shards; with --card a new folder',
    )
    .option('--model <name>', 'the model of a file that does not name it')
    .addOption(shared.key())
    .addOption(shared.normalize())
    .addOption(
      new Option('--input <type>', 'input of an ONNX file: float32 in [0, 1], or uint8')
        .choices(['float32', 'uint8'])
        .default('float32'),
    )
    .option('--probabilities', 'add the softmax of the logits to an ONNX file')
    .option('--card', 'write a folder as Hugging Face takes it: README.md, safetensors, ONNX, run.json, figures')
    .option('--license <id>', "the licence that the card names, by Hugging Face's names", 'unknown')
    .addOption(shared.json())
    .action(async (from: string, to: string, flags: Flags) => {
      if (flags.card) return writeCard(from, to, flags)
      const write = writers[extname(to).toLowerCase()]
      if (!write)
        throw new UsageError(
          `${to} has an extension that is not written: choose one of ${Object.keys(writers).join(', ')}`,
        )
      if (extname(to) === '.json' && basename(to) !== 'model.json')
        throw new UsageError(
          `TensorFlow.js's files are model.json and its shards: name ${join(dirname(to), 'model.json')}`,
        )
      const { model, weights, experiment, normalize } = await readModel(from, flags.model, flags.key, flags.normalize)
      const metadata = weightsMetadata(model.definition, { experiment, normalize })
      const files = write(model, weights, metadata, { ...flags, normalize })
      if (normalize && write === writePyTorch)
        warn(
          `${to} has no place for what its images were normalized by: give --normalize ${normalize.mean},${normalize.std} with it`,
        )
      const paths = [...files].map(([name, bytes]) => [name === '' ? to : join(dirname(to), name), bytes] as const)
      // model.json last: who finds it finds its shards.
      await writeNewFiles(new Map([...paths].reverse()))
      writeResult(
        flags.json ?? false,
        () => ({ model: model.name, parameters: model.parameterCount, files: paths.map(([path]) => path) }),
        () =>
          `${model.name}, ${grouped(model.parameterCount)} parameters, written to ${paths.map(([path]) => path).join(', ')}`,
      )
    })

/** What a run has of a model card: of weights alone nobody knows how they were trained. */
const writeCard = async (from: string, to: string, { license, json = false }: Flags): Promise<void> => {
  if (!(await isRun(from)))
    throw new UsageError(`${from} is not a run, and a card tells how a model was trained: give the folder of a run`)
  const { run, weights } = await readRun(from)
  const files = await cardFiles(run, weights, { license })
  await writeNewFiles(new Map([...files].map(([name, content]) => [join(to, name), content])))
  writeResult(
    json,
    () => ({
      model: run.model.name,
      parameters: run.model.parameters,
      files: [...files.keys()].map((name) => join(to, name)),
    }),
    () => `${run.model.name}, ${grouped(run.model.parameters)} parameters, written to ${to} with its card`,
  )
}
