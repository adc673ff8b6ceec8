// What the shells offer, asked of the shells themselves; one that is not installed is skipped.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { modelNames } from '@digitlab/models'
import { optimizerTypes } from '@digitlab/train'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createProgram } from '../main'
import { bashCompletion } from './bash'
import { fishCompletion } from './fish'
import { wordsOf } from './words'
import { zshCompletion } from './zsh'

const commands = wordsOf(await createProgram())
let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'digitlab-completion-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What a shell prints for a script, a line an offer. */
const said = (shell: string, args: readonly string[], script: string): string[] => {
  const file = join(folder, 'asked')
  writeFileSync(file, script)
  const { stdout, stderr, status } = spawnSync(shell, [...args, file], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
  return stdout.split('\n').filter((line) => line !== '')
}

interface Shell {
  readonly name: string
  readonly script: string
  /** What is offered for a line whose last word is being typed. */
  readonly offers: (file: string, words: readonly string[]) => string[]
}

const inQuotes = (word: string) => `'${word}'`

const shells: readonly Shell[] = [
  {
    name: 'bash',
    script: bashCompletion('digitlab', commands),
    offers: (file, words) =>
      said(
        'bash',
        ['--norc'],
        `source ${file}\nCOMP_WORDS=(digitlab ${words.map(inQuotes).join(' ')})\nCOMP_CWORD=${words.length}\n_digitlab\nprintf '%s\\n' "\${COMPREPLY[@]}"\n`,
      ),
  },
  {
    name: 'zsh',
    script: zshCompletion('digitlab', commands),
    // The function with what zsh's completion system gives it: its words, and the functions that it answers through.
    offers: (file, words) =>
      said(
        'zsh',
        ['-f'],
        `compdef() {}\n_files() {}\ncompset() { cur=\${cur##*=} }\ncompadd() { print -l -- \${(P)2} | grep -- "^$cur" || true }\n_describe() { print -l -- \${\${(P)2}%%:*} | grep -- "^$cur" || true }\nsource ${file}\nwords=(digitlab ${words.map(inQuotes).join(' ')})\nCURRENT=$#words\n_digitlab || true\n`,
      ),
  },
  {
    name: 'fish',
    script: fishCompletion('digitlab', commands),
    offers: (file, words) =>
      said('fish', ['--no-config'], `source ${file}\ncomplete -C "digitlab ${words.join(' ')}"\n`).map(
        (line) => line.split('\t')[0] ?? '',
      ),
  },
]

const isHere = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0

describe.each(shells)('$name', ({ name, script, offers }) => {
  const ask = (...words: string[]): string[] => {
    const file = join(folder, `digitlab.${name}`)
    writeFileSync(file, script)
    return offers(file, words)
  }
  const here = test.skipIf(!isHere(name))

  here('commands, and those within a command', () => {
    expect(ask('tra')).toEqual(['train'])
    expect(ask('sweep', 'st')).toEqual(['status'])
    expect(ask('--quiet', 'tra')).toEqual(['train'])
    expect(ask('help', 'ev')).toEqual(['evaluate'])
  })
  here('options, those of a command alone', () => {
    expect(ask('train', '--label-s')).toEqual(['--label-smoothing'])
    expect(ask('train', 'cnn', '--resu')).toEqual(['--resume'])
    expect(ask('sweep', 'status', '--label-s')).toEqual([])
  })
  here('values, from the tables that check them', () => {
    expect(ask('train', '--model', '').toSorted()).toEqual(modelNames.toSorted())
    expect(ask('train', '--optimizer', 'ada').toSorted()).toEqual(
      optimizerTypes
        .map(({ name }) => name)
        .filter((word) => word.startsWith('ada'))
        .toSorted(),
    )
    expect(ask('evaluate', 'runs/first', '--split', 'te')).toEqual(['test'])
  })
})

test('the last part of a list is completed, and the value behind an equals sign', { skip: !isHere('bash') }, () => {
  const [bash] = shells
  const file = join(folder, 'digitlab.bash')
  writeFileSync(file, bash?.script ?? '')
  expect(bash?.offers(file, ['compare', '--models', 'linear,cn']).sort()).toEqual([
    'linear,cnn',
    'linear,cnn-batch-norm',
  ])
  expect(bash?.offers(file, ['train', '--model', '=', 'lin'])).toEqual(['linear'])
})

test('every command and every option that help shows is completed', () => {
  const paths = commands.map(({ path }) => path)
  for (const path of ['', 'train', 'compare', 'sweep', 'sweep status', 'data fetch', 'init', 'doctor', 'completion'])
    expect(paths).toContain(path)
  const train = commands.find(({ path }) => path === 'train')
  expect(train?.options.flatMap(({ names }) => names)).toEqual(
    expect.arrayContaining(['--model', '--momentum', '--quiet', '-q', '--verbose', '--help']),
  )
})
