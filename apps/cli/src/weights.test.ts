// Weights that travel: convert, evaluate, train --init.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { strokes } from '@digitlab/data'
import { writeIdx } from '@digitlab/idx'
import { readPth, readSafetensors, writePth, writeSafetensors } from '@digitlab/weights'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { floats, message, onnxFile, tensorOf } from '../../../packages/weights/src/testing/onnx-file.ts'
import { mnistFolder } from '../../../tooling/vitest/golden.ts'
import { runHere } from './testing/in-process'
import { draw } from './testing/drawn-digit'

const data = (name: string) => fileURLToPath(new URL(`../../../packages/weights/test-data/${name}`, import.meta.url))
let folder = ''

// Many commands, one after another.
vi.setConfig({ testTimeout: 180_000 })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-weights-'))
  for (const [name, classes, testCount] of [
    ['digits', 10, 60],
    ['few', 5, 60],
    ['tested', 10, 1000],
  ] as const) {
    const { train, test } = await strokes({ trainCount: 400, testCount })
    await mkdir(join(folder, name))
    for (const [part, { images, labels, count }] of Object.entries({ train, t10k: test })) {
      const write = (file: string, shape: number[], data: Uint8Array) =>
        writeFile(join(folder, name, `${part}-${file}-ubyte`), writeIdx({ type: 'uint8', shape, data }))
      await write('images-idx3', [count, 28, 28], images)
      await write(
        'labels-idx1',
        [count],
        labels.map((label) => label % classes),
      )
    }
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Within this process: what is tested is what the command says and writes. */
const digitlab = (...args: string[]) =>
  runHere(folder, args, { DIGITLAB_DATA: mnistFolder() ?? '', DIGITLAB_MIRROR: 'http://127.0.0.1:2' })

/** Runs a command that must succeed, and reads its JSON. */
const answer = async (...args: string[]): Promise<unknown> => {
  const { code, out, err } = await digitlab(...args, '--json')
  expect(code, err).toBe(0)
  return JSON.parse(out)
}

describe('files that PyTorch wrote', () => {
  test.each(['linear', 'two-layer', 'cnn'])("%s.pth has PyTorch's own accuracy on MNIST", async (name) => {
    const { correct, of } = JSON.parse(await readFile(data('accuracy.json'), 'utf8')) as {
      correct: Record<string, number>
      of: number
    }
    if (!mnistFolder()) return expect(correct[name]).toBeGreaterThan(9000) // the rest needs MNIST
    for (const backend of name === 'cnn' ? ['wasm'] : ['wasm', 'cpu']) {
      const args = ['evaluate', data(`${name}.pth`), '--model', name, '--dataset', 'mnist', '--backend', backend]
      const { metrics } = (await answer(...args)) as { metrics: { accuracy: number } }
      expect(Math.round(metrics.accuracy * of), backend).toBe(correct[name])
    }
  })

  test('go through every format and come back the same to the bit', async () => {
    const [onnx, safetensors, pth] = ['a/cnn.onnx', 'a/cnn.safetensors', 'a/cnn.pth']
    await answer('convert', data('cnn.pth'), onnx, '--input', 'uint8', '--probabilities')
    await answer('convert', onnx, safetensors)
    await answer('convert', safetensors, pth)
    await answer('convert', data('cnn.pth'), 'a/direct.pth', '--model', 'cnn')
    expect(await readFile(join(folder, pth))).toEqual(await readFile(join(folder, 'a/direct.pth')))
    const { files } = (await answer('convert', pth, 'a/web/model.json')) as { files: string[] }
    expect(files).toEqual(['a/web/model.json', 'a/web/group1-shard1of1.bin'])
    expect((await readdir(join(folder, 'a/web'))).sort()).toEqual(['group1-shard1of1.bin', 'model.json'])
    const { metadata } = readSafetensors(await readFile(join(folder, safetensors)))
    expect([metadata.get('version'), metadata.get('format')]).toEqual(['1', 'pt'])
    expect(metadata.get('model')).toContain('"name":"cnn"')
  })
})

describe('train --init', () => {
  test('goes on from a file, and takes another number of classes on request', async () => {
    const train = (...more: string[]) => [
      'train',
      '--model',
      'cnn',
      '--epochs',
      '1',
      '--init',
      data('cnn.pth'),
      ...more,
    ]
    const { run } = (await answer(...train('--dataset', 'digits', '--out', 'tuned'))) as {
      run: { experiment: { initial: { newHead: boolean } }; history: { stepLosses: number[] } }
    }
    expect(run.experiment.initial.newHead).toBe(false)
    expect(run.history.stepLosses[0]).toBeLessThan(2) // from the seed's weights it would be ln 10 = 2.3
    const { code, err } = await digitlab(...train('--dataset', 'few', '--out', 'few-run'))
    expect([code, err]).toEqual([
      1,
      expect.stringContaining('"fc.weight" of the model "cnn" has shape [5, 1568], the weights hold [10, 1568]'),
    ])
    expect(existsSync(join(folder, 'few-run'))).toBe(false)
    await answer(...train('--dataset', 'few', '--new-head', '--out', 'few-run'))
    expect((await digitlab('train', '--experiment', 'tuned', '--out', 'x')).err).toContain('begins with given weights')
    const again = await digitlab('train', '--experiment', 'tuned', '--init', data('cnn.pth'), '--out', 'again')
    expect(again.code, again.err).toBe(0)
    const weights = await Promise.all(
      ['tuned', 'again'].map((run) => readFile(join(folder, run, 'weights.safetensors'))),
    )
    expect(weights[0]).toEqual(weights[1])
  })
})

/** A file of the two-layer model's names and shapes, with `activation` between its layers. */
const twoLayer = (activation: string, before: Parameters<typeof onnxFile>[0]['nodes'] = []) =>
  onnxFile({
    nodes: [
      ...before,
      { op: 'Flatten', in: [before.at(-1)?.out ?? 'x'], out: 'f' },
      { op: 'Gemm', in: ['f', 'fc1.weight', 'fc1.bias'], out: 'h', with: { transB: 1 } },
      { op: activation, in: ['h'], out: 'r', name: 'relu' },
      { op: 'Gemm', in: ['r', 'fc2.weight', 'fc2.bias'], out: 'y', with: { transB: 1 } },
    ],
    initializers: [...readPth(readFileSync(data('two-layer.pth'))).weights].map(([name, { shape, data }]) =>
      floats(name, shape, data),
    ),
  })

/** A linear model that keeps its weights in another file. */
const linearBeside = (location: string) =>
  onnxFile({
    nodes: [
      { op: 'Flatten', in: ['x'], out: 'f' },
      { op: 'Gemm', in: ['f', 'fc.weight'], out: 'y', with: { transB: 1 } },
    ],
    initializers: [tensorOf('fc.weight', [10, 784], 1, [13, message([1, 'location'], [2, location])], [14, 1])],
  })

describe('weights of normalized images', () => {
  const mean = ['--normalize', '0.1307,0.3081']
  const metrics = async (file: string, ...args: string[]) => {
    const found = await answer('evaluate', file, ...args, '--dataset', 'digits', '--backend', 'cpu')
    return (found as { metrics: { meanLoss: number } }).metrics
  }

  test('are evaluated as they were trained, and every file carries it', async () => {
    const plain = await metrics(data('two-layer.pth'))
    const wanted = await metrics(data('two-layer.pth'), ...mean)
    expect(wanted.meanLoss).not.toBeCloseTo(plain.meanLoss, 1)
    for (const file of ['n/a.safetensors', 'n/b.onnx']) {
      const { code, err } = await digitlab('convert', data('two-layer.pth'), file, ...mean)
      expect(code, err).toBe(0)
      expect(await metrics(file)).toEqual(wanted)
    }
    const back = await digitlab('convert', 'n/b.onnx', 'n/c.pth')
    expect(back.err).toContain(
      'n/c.pth has no place for what its images were normalized by: give --normalize 0.1307,0.3081',
    )
    expect(await metrics('n/c.pth', ...mean)).toEqual(wanted)
    const other = await digitlab('evaluate', 'n/a.safetensors', '--normalize', '0.5,0.5')
    expect(other.code).toBe(1)
    expect(other.err).toContain('says that its images were normalized by 0.1307 and 0.3081, --normalize by 0.5 and 0.5')
  })

  test('that nothing is said of are told by what they take right', async () => {
    // Of normalized images these weights compute what linear.pth computes of plain ones.
    const { weights } = readPth(readFileSync(data('linear.pth')))
    const [weight, bias] = [...weights.values()].map(({ data }) => data)
    const [mean, std] = [0.1307, 0.3081]
    const shifted = bias?.map(
      (value, i) => value + mean * (weight?.subarray(784 * i, 784 * i + 784).reduce((a, b) => a + b) ?? 0),
    )
    await writeFile(
      join(folder, 'unsaid.pth'),
      writePth(
        new Map([
          ['fc.weight', { shape: [10, 784], data: weight?.map((value) => value * std) ?? new Float32Array(0) }],
          ['fc.bias', { shape: [10], data: shifted ?? new Float32Array(0) }],
        ]),
      ),
    )
    const hint = / right, and \d+ where images are normalized: were they trained so, give --normalize 0\.\d+,0\.\d+/
    expect((await digitlab('evaluate', 'unsaid.pth', '--dataset', 'tested', '--backend', 'cpu')).err).toMatch(hint)
    expect((await digitlab('evaluate', data('linear.pth'), '--dataset', 'tested', '--backend', 'cpu')).err).not.toMatch(
      hint,
    )
  })

  test.each(['0.1307', '0.1307,0', '0.1,x', '1,2,3', ',0.3', '0.1,Infinity'])('%s is refused', async (given) => {
    const { code, err } = await digitlab('evaluate', 'n/a.safetensors', '--normalize', given)
    expect(code).toBe(2)
    expect(err).toContain('a mean and a standard deviation above 0, such as 0.1307,0.3081')
  })
})

describe('ONNX files of others', () => {
  test('what the graph computes is what is evaluated', async () => {
    const scale = (name: string, value: number) => ({
      ...{ op: 'Constant', in: [], out: name },
      with: { value: floats(name, [], [value]) },
    })
    const normalized = twoLayer('Relu', [
      ...[scale('mean', 0.1307), scale('std', 0.3081)],
      { op: 'Sub', in: ['x', 'mean'], out: 'x1', name: 'center' },
      { op: 'Div', in: ['x1', 'std'], out: 'x2', name: 'spread' },
    ])
    await writeFile(join(folder, 'plain.onnx'), twoLayer('Relu'))
    await writeFile(join(folder, 'normalized.onnx'), normalized)
    const loss = async (...args: string[]) => {
      const found = await answer('evaluate', ...args, '--dataset', 'digits', '--backend', 'cpu')
      return (found as { metrics: { meanLoss: number } }).metrics.meanLoss
    }
    const ours = await loss(data('two-layer.pth'))
    expect(await loss('plain.onnx')).toBe(ours)
    expect(await loss('normalized.onnx')).not.toBeCloseTo(ours, 1)
    const { err } = await digitlab('convert', 'normalized.onnx', 'b/folded.pth')
    expect(err).toContain('node "center" (Sub), node "spread" (Div) are folded into "fc1"')
    expect(await loss('b/folded.pth')).toBe(await loss('normalized.onnx'))
    expect((await digitlab('evaluate', 'plain.onnx', '--model', 'linear')).err).toContain(
      'the graph of plain.onnx is not the model "linear": its layer 2 is dense, out 100, the model\'s dense, out 10',
    )
  })

  test('weights in a file beside the model are read', async () => {
    await mkdir(join(folder, 'beside/sub'), { recursive: true })
    const values = readPth(readFileSync(data('linear.pth'))).weights.get('fc.weight')?.data ?? new Float32Array(0)
    await writeFile(join(folder, 'beside/sub/a.data'), new Uint8Array(values.buffer))
    await writeFile(join(folder, 'beside/a.onnx'), linearBeside('sub/a.data'))
    await answer('convert', 'beside/a.onnx', 'beside/a.safetensors')
    const { weights } = readSafetensors(await readFile(join(folder, 'beside/a.safetensors')))
    expect(weights.get('fc.weight')?.data).toEqual(values)
    await writeFile(join(folder, 'beside/sub/a.data'), new Uint8Array(values.buffer).subarray(0, 100))
    expect((await digitlab('evaluate', 'beside/a.onnx')).err).toContain('which has 100 of these')
  })
})

test('checkpoints of PyTorch: what is chosen of them is said', async () => {
  await writeFile(join(folder, 'wrapped.bin'), dataParallel())
  const { code, err } = await digitlab('convert', 'wrapped.bin', 'c/linear.pth')
  expect([code, err]).toEqual([0, expect.stringContaining('all its entries begin with "module.", which was taken off')])
  const { code: begun, err: said } = await digitlab(
    ...[
      'train',
      '--model',
      'linear',
      '--dataset',
      'digits',
      '--epochs',
      '1',
      '--init',
      'wrapped.bin',
      '--out',
      'begun',
    ],
  )
  expect([begun, said]).toEqual([0, expect.stringContaining('all its entries begin with "module."')])
})

/** The linear model's weights as DataParallel saves them. */
const dataParallel = () =>
  writePth(
    new Map([...readPth(readFileSync(data('linear.pth'))).weights].map(([name, entry]) => [`module.${name}`, entry])),
  )

test('what is wrong is said in one sentence, and nothing is written', async () => {
  const good = readSafetensors(
    writeSafetensors(new Map([['fc.weight', { shape: [10, 784], data: new Float32Array(7840) }]])),
  )
  const bias = (values: Float32Array) =>
    writeSafetensors(new Map(good.weights).set('fc.bias', { shape: [values.length], data: values }))
  await writeFile(join(folder, 'missing.safetensors'), writeSafetensors(good.weights))
  await writeFile(join(folder, 'nan.safetensors'), bias(new Float32Array(10).fill(NaN)))
  await writeFile(join(folder, 'shape.safetensors'), bias(new Float32Array(9)))
  await writeFile(join(folder, 'cut.pth'), (await readFile(data('cnn.pth'))).subarray(0, 5000))
  await writeFile(join(folder, 'lfs.pth'), 'version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 3\n')
  await writeFile(join(folder, 'tuned/model.json'), '{"modelTopology":{}}')
  await writeFile(join(folder, 'softsign.onnx'), twoLayer('Softsign'))
  const huge = new Map(good.weights).set('fc.bias', { shape: [10], data: new Float32Array(10) })
  huge.set('fc.weight', { shape: [10, 784], data: new Float32Array(7840).fill(3e38) })
  await writeFile(join(folder, 'huge.safetensors'), writeSafetensors(huge))
  await mkdir(join(folder, 'outside'))
  await writeFile(join(folder, 'outside.data'), new Uint8Array(4 * 7840))
  await symlink(join(folder, 'outside.data'), join(folder, 'outside/a.data'))
  await writeFile(join(folder, 'outside/a.onnx'), linearBeside('a.data'))
  await writeFile(join(folder, 'three.png'), draw('3', 60))
  await writeFile(join(folder, 'blank.png'), PNG.sync.write(new PNG({ width: 9, height: 9 })))
  await writeFile(join(folder, 'cut.png'), draw('3', 40).subarray(0, 120))
  const cases: [string[], string][] = [
    [
      ['convert', 'missing.safetensors', 'o.onnx', '--model', 'linear'],
      'needs "fc.bias" [10], the weights hold fc.weight',
    ],
    [['convert', 'nan.safetensors', 'o.onnx'], 'found NaN at index 0 of "fc.bias"'],
    [['convert', 'shape.safetensors', 'o.onnx', '--model', 'linear'], 'the weights hold'],
    [['convert', 'cut.pth', 'o.onnx'], 'cut.pth is not a valid PyTorch file: it is a zip archive that is cut off'],
    [['convert', data('cnn.pth'), 'o.h5'], 'o.h5 has an extension that is not written'],
    [['convert', data('cnn.pth'), 'o.onnx', '--model', 'linear'], 'the weights hold [10, 1568]'],
    [['convert', data('odd.pth'), 'o.onnx'], 'does not say what model its weights are of'],
    [['convert', 'x.h5', 'o.onnx'], 'could not read x.h5'],
    [['convert', 'none.pth', 'o.onnx'], 'could not read none.pth'],
    [['convert', 'lfs.pth', 'o.onnx'], 'lfs.pth is a pointer of Git LFS'],
    [['convert', 'tuned/model.json', 'o.pth'], 'tuned/model.json is JSON text, not weights'],
    [['convert', 'tuned/report.html', 'o.pth'], 'tuned/report.html is a web page, not the file itself'],
    [['convert', 'tuned/predictions.safetensors', 'o.pth'], 'does not say what model its weights are of'],
    [['report', 'tuned/model.json'], 'tuned/model.json is not a run: give the folder of one, or its run.json'],
    [
      ['train', '--experiment', 'tuned/model.json'],
      'tuned/model.json: an experiment has no "modelTopology", it has model, dataset',
    ],
    [['evaluate', data('two-dicts.pth')], 'choose one with --key "model" or --key "ema"'],
    [['evaluate', 'tuned', '--key', 'a'], 'tuned is a run and says itself what its model is: leave --key out'],
    [
      ['predict', 'tuned', 'x.png', '--normalize', '0,1'],
      'tuned is a run and says itself what its images were normalized by',
    ],
    [['evaluate', 'tuned', '--normalize', '0,1'], 'tuned is a run and says itself what its images were normalized by'],
    [['train', '--model', 'linear', '--key', 'a'], '--key belongs to --init'],
    [
      ['evaluate', 'softsign.onnx'],
      'softsign.onnx can\'t be read: its node "relu" (Softsign) computes what is not among',
    ],
    [['evaluate', 'outside/a.onnx'], 'which could not be read (it leads out of the folder)'],
    [['evaluate', 'huge.safetensors', '--dataset', 'digits'], 'the model "linear" answers image 0 with Infinity'],
    [['predict', 'huge.safetensors', 'three.png'], 'the model "linear" answers image 0 with Infinity'],
    [['evaluate', 'nan.safetensors', '--dataset', 'digits'], 'found NaN at index 0 of "fc.bias"'],
    [['predict', data('cnn.pth'), 'blank.png'], 'blank.png: expected a digit that stands out'],
    [['predict', data('cnn.pth'), 'cut.png'], 'cut.png is a damaged PNG file'],
    [['predict', data('cnn.pth'), 'nan.safetensors'], 'nan.safetensors is not a picture in a supported format'],
    [['train', '--model', 'linear', '--new-head'], '--new-head belongs to --init'],
    [['train', '--resume', 'nowhere'], 'nowhere holds no checkpoint'],
  ]
  for (const [args, message] of cases) {
    const { code, out, err } = await digitlab(...args)
    expect(err).toContain(message)
    expect([code, out], args.join(' ')).toEqual([1, ''])
    expect(err).not.toMatch(/^ {4}at /m)
  }
  expect((await readdir(folder)).filter((name) => name.startsWith('o.') || name.startsWith('.'))).toEqual([])
})

test('PyTorch loads what convert writes, with weights_only', async ({ skip }) => {
  const python = process.env['DIGITLAB_PYTHON'] ?? 'python3'
  if (spawnSync(python, ['-c', 'import torch']).status !== 0) return skip('python3 has no torch')
  await answer('convert', data('two-layer.pth'), 'torch.pth')
  const script =
    'import sys, torch; a, b = (torch.load(f, weights_only=True) for f in sys.argv[1:]); assert all(torch.equal(a[k], b[k]) for k in b) and list(a) == list(b)'
  const { status, stderr } = spawnSync(python, ['-c', script, join(folder, 'torch.pth'), data('two-layer.pth')])
  expect(status, stderr.toString()).toBe(0)
})
