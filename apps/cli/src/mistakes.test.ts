// What is wrong is said in one sentence, without a stack.
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeTrainedPlace, type Workplace } from './testing/command'

let place: Workplace
let folder = ''
let digits = ''

beforeAll(async () => {
  place = await makeTrainedPlace('mistakes')
  folder = place.folder
  digits = join(folder, 'digits')
})
afterAll(() => place.remove())

/** Within this process: what is tested is what the command says and writes. */
const here: Workplace['here'] = (args) => place.here(args)

describe('what is wrong is said in one sentence, without a stack', () => {
  const linear = ['train', '--model', 'linear']
  const cases: [string[], number, string][] = [
    [['fly'], 2, "unknown command 'fly'"],
    [[...linear, '--sed', '1'], 2, "unknown option '--sed'"],
    [['train'], 2, "required option '--model <name>' not specified"],
    [['train', 'ccn'], 2, 'there is no model "ccn" (did you mean cnn?)'],
    [['train', 'cnn', '--model', 'linear'], 1, 'two models are named, cnn and linear by --model'],
    [['train', 'linear', '--lr', 'fast'], 2, '--learning-rate must be a number from 0, not fast'],
    [[...linear, '--batch-size', '0'], 2, 'It must be an integer from 1'],
    [[...linear, '--epochs', '1.5'], 2, 'It must be an integer from 1'],
    [[...linear, '--seed', '1.5'], 2, 'It must be an integer from -2^63 to 2^64 - 1, as of torch.manual_seed'],
    [[...linear, '--seed', '18446744073709551616'], 2, 'It must be an integer from -2^63 to 2^64 - 1'],
    [[...linear, '--learning-rate', '-1'], 2, '--learning-rate must be a number from 0, not -1'],
    [[...linear, '--learning-rate', 'fast'], 2, '--learning-rate must be a number from 0, not fast'],
    [[...linear, '--epochs', '1000000'], 2, 'It must be an integer from 1 to 100000'],
    [[...linear, '--optimizer', 'lion'], 2, 'there is no optimizer "lion": choose one of sgd'],
    [[...linear, '--optimizer', 'sdg'], 2, 'there is no optimizer "sdg" (did you mean sgd?)'],
    [[...linear, '--beta1', '1', '--optimizer', 'adam'], 2, '--beta1 must be a number at least 0 and below 1, not 1'],
    [[...linear, '--schedule', 'stepp'], 2, 'there is no schedule "stepp" (did you mean step?)'],
    [[...linear, '--schedule', 'step'], 2, 'schedule.stepSize is missing: it must be an integer from 1'],
    [[...linear, '--schedule-gamma', '0.5'], 1, '--schedule-gamma belongs to a schedule, and none is named'],
    [[...linear, '--optimizer', 'adam', '--momentum', '0.5'], 1, '--momentum belongs to sgd'],
    [['train', '--model', 'ccn'], 2, 'there is no model "ccn" (did you mean cnn?): choose one of linear'],
    [['train', '--model', 'resnet'], 2, 'there is no model "resnet": choose one of linear, two-layer, cnn'],
    [['compare', '--models', 'linear,resnet'], 2, 'there is no model "resnet"'],
    [['evaluate', 'first/weights.safetensors', '--model', 'resnet'], 2, 'there is no model "resnet"'],
    [['train', '--model', 'none.json'], 1, 'could not read a model from none.json'],
    [
      [...linear, '--backend', 'tpu'],
      2,
      'there is no backend "tpu" (did you mean cpu?): choose auto or one of cuda, wasm, cpu, webgpu, tfjs-node-gpu, node',
    ],
    [[...linear, '--dataset', 'minst'], 1, 'no data set and no folder "minst"'],
    [[...linear, '--dataset', 'mnist'], 1, 'could not download train-images-idx3-ubyte.gz (http://127.0.0.1:2/mnist/'],
    [
      [...linear, '--dataset', 'mnist', '--data-dir', '.'],
      1,
      '. does not hold MNIST: it has no train-images-idx3-ubyte.gz',
    ],
    [['compare', '--models', ','], 2, 'It must be a list such as a,b'],
    [['compare', '--seeds', '0,x'], 2, 'It must be an integer from -2^63 to 2^64 - 1'],
    [['compare', '--seeds', '0,0'], 2, 'It names 0 twice'],
    [['compare', '--seeds', '0,1,00'], 2, 'It names 0 twice'],
    [['compare', '--models', 'linear,linear'], 2, 'It names linear twice'],
    [['compare', '--backends', 'cpu,cpu'], 2, 'It names cpu twice'],
    [
      ['evaluate', 'nowhere'],
      1,
      "could not read nowhere (ENOENT: no such file or directory, stat 'nowhere'): give a run's folder",
    ],
    [['report', 'nowhere'], 1, 'nowhere holds no run'],
    [['report'], 2, "missing required argument 'runs'"],
    [['report', 'first', '--format', 'gif'], 2, 'It must be of html, md, json, svg, png'],
    [
      ['report', 'first', '--format', 'svg', '--figures', 'moon'],
      1,
      'there is no figure "moon" of this run: choose of',
    ],
    [['report', 'first', '--width', '10'], 2, 'It must be from 200 to 4000'],
    [['show', 'first', '--split', 'train'], 1, 'a run decides what is shown, --split would change it'],
    [
      [...linear, '--dataset', 'digits', '--tensorboard', 'digits/t10k-images-idx3-ubyte'],
      1,
      'name another --tensorboard',
    ],
    [['data', 'fetch', 'minst'], 2, 'Allowed choices are mnist, fashion-mnist'],
    [['show', '--dataset', 'strokes#limit=20', '--count', '21'], 1, 'there are 20 train images, not 21'],
    [['show', '--dataset', 'strokes', '--out', 'grid.gif'], 1, '--out takes a file that ends in .png, not grid.gif'],
  ]
  test.each(cases)('%j', async (args, code, message) => {
    const ended = await here(args)
    expect(ended.err).toContain(message)
    expect(ended.code).toBe(code)
    expect(ended.out).toBe('')
    expect(ended.err).not.toMatch(/^ {4}at /m)
  })

  test('a loss that is not a number stops the run at its step and leaves no file', async () => {
    const { code, err } = await here([...linear, '--dataset', digits, '--learning-rate', '1e38', '--out', 'wild'])
    expect(code).toBe(1)
    expect(err).toMatch(
      /digitlab: the loss became (NaN|Infinity) at step \d+ of epoch 1 .*: training stopped there, try a learning rate of 0\.1, which is known to work/,
    )
    expect(existsSync(join(folder, 'wild'))).toBe(false)
  })

  test('a place that cannot be written leaves nothing', async () => {
    await writeFile(join(folder, 'file'), '')
    const { code, err } = await here([...linear, '--dataset', digits, '--epochs', '1', '--out', join('file', 'run')])
    expect(code).toBe(1)
    expect(err).toContain(`could not write ${join('file', 'run')}`)
  })

  test('damaged files are named', async () => {
    const damaged = join(folder, 'damaged')
    await mkdir(damaged)
    for (const name of await readdir(digits)) {
      const bytes = await readFile(join(digits, name))
      await writeFile(join(damaged, name), name.startsWith('t10k-labels') ? bytes.subarray(0, 50) : bytes)
    }
    const { code, err } = await here([...linear, '--dataset', damaged])
    expect(code).toBe(1)
    expect(err).toContain('expected 108 bytes for [100] uint8, the file holds 50 (t10k-labels-idx1-ubyte)')
    await writeFile(join(folder, 'first.json'), '{}')
    expect((await here(['evaluate', 'first.json'])).err).toContain('first.json is JSON text, not weights')
  })
})
