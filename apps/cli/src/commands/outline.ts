// The commands as the list of them shows them. Each is loaded where it is asked for: whoever wants the version or the list waits for
// nothing that computes.
import { Command } from 'commander'

interface Outline {
  readonly says: string
  /** Its arguments, as its own definition has them. */
  readonly takes?: string
}

const outlines = {
  compare: { says: 'Train several models, on several backends or from several seeds, and put them side by side.' },
  sweep: {
    says: 'Train many runs, a grid or a search, in a folder that records their progress.',
    takes: '[plan]',
  },
  runs: { says: 'List the runs in folders: filter, sort, group, compare two.', takes: '[folders...]' },
  train: { says: 'Train one model, report its accuracy, and write the run.', takes: '[model]' },
  evaluate: {
    says: 'Evaluate the weights of a run or a file: accuracy overall and per class, and which digits are confused.',
    takes: '<weights>',
  },
  predict: {
    says: "Classify pictures of digits. Each is converted to MNIST's form first, whatever its size, dark on light or light on dark.",
    takes: '<weights> <images...>',
  },
  convert: {
    says: 'Write weights in another format, by the extension: PyTorch, ONNX, safetensors, TensorFlow.js.',
    takes: '<in> <out>',
  },
  push: {
    says: 'Upload a run to Hugging Face as a model with its card. The token is HF_TOKEN, or the one that "hf auth login" wrote.',
    takes: '<run> <name>',
  },
  parity: {
    says: 'Run one experiment on every backend and compare them with float64, with each other, and with PyTorch.',
  },
  report: { says: 'Draw a run, or several side by side: a page, figures, Markdown, JSON.', takes: '<runs...>' },
  show: {
    says: 'Show digits as a grid in the terminal, or in a PNG with --out; with --augment as training would see them. Of a run: what it predicted for the first test images, before and after training.',
    takes: '[run]',
  },
  serve: {
    says: 'Serve the page that trains, looks and draws in a browser, on this machine alone, with the data sets that are here.',
  },
  data: { says: 'The data sets: fetch, verify, and where they are.' },
  backends: { says: 'List the backends: the device of each, or why it is unavailable and what to do.' },
  init: {
    says: 'Write an experiment file with comments, to be edited and trained with "digitlab train --experiment".',
    takes: '[file]',
  },
  doctor: {
    says: 'Check what training needs (Node, backends, folders, disk, network) and say how to fix what is missing.',
  },
  completion: { says: 'Print the shell script that completes commands, options and values.', takes: '<shell>' },
} as const satisfies Readonly<Record<string, Outline>>

export type CommandName = keyof typeof outlines

/** In the order of the list. */
export const commandNames = Object.keys(outlines) as CommandName[]

/** What `digitlab help` lists beside commands. */
export const topicNames = [
  ...['optimizers', 'schedules', 'losses', 'augmentations', 'models', 'layers', 'datasets', 'figures'],
] as const

/** A command's beginning: what it is and does. */
export const outlined = (name: CommandName): Command => new Command(name).description(outlines[name].says)

/** A command for the list alone. */
export const listed = (name: CommandName): Command => {
  const outline: Outline = outlines[name]
  const command = outlined(name)
  return outline.takes === undefined ? command : command.arguments(outline.takes)
}
