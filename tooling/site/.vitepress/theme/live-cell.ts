// A block of code that can be changed and run, with what it shows below it.
import { defineComponent, h, onBeforeUnmount, onMounted, ref, type VNode } from 'vue'
import type { CellOutput } from '../../protocol'
import { cells, clear, run, stop, type Cell } from './notebook'

const outputOf = (output: CellOutput): VNode =>
  output.type === 'text'
    ? h('pre', output.text)
    : h('div', { class: 'figure', role: 'img', 'aria-label': output.alt, innerHTML: output.svg })

/** Lines that follow one another, in one block. */
const joined = (outputs: readonly CellOutput[]): CellOutput[] =>
  outputs.reduce<CellOutput[]>((blocks, output) => {
    const last = blocks.at(-1)
    if (last?.type !== 'text' || output.type !== 'text') return [...blocks, output]
    return [...blocks.slice(0, -1), { type: 'text', text: `${last.text}\n${output.text}` }]
  }, [])

const labels: Readonly<Record<Cell['status'], string>> = {
  idle: 'Run',
  waiting: 'Running ...',
  done: 'Run again',
  failed: 'Run again',
}

export const LiveCell = defineComponent({
  name: 'LiveCell',
  setup(_, { slots }) {
    const place = ref<HTMLElement>()
    const index = ref(-1)
    const editing = ref(false)
    let original = ''
    onMounted(() => {
      original = place.value?.querySelector('pre code')?.textContent?.trimEnd() ?? ''
      const width = place.value?.clientWidth ?? 640
      index.value = cells.push({ code: original, width, status: 'idle', outputs: [], failure: undefined }) - 1
    })
    onBeforeUnmount(clear)

    const button = (text: string, onClick: () => void, disabled = false) =>
      h('button', { type: 'button', onClick, disabled }, text)
    const edited = (cell: Cell) => (event: Event) => {
      cell.code = (event.target as HTMLTextAreaElement).value
      cell.status = 'idle'
    }
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      run(index.value)
    }
    const editor = (cell: Cell) =>
      h('textarea', {
        value: cell.code,
        rows: cell.code.split('\n').length + 1,
        spellcheck: false,
        'aria-label': `Code of cell ${index.value + 1}; Ctrl+Enter runs it`,
        onInput: edited(cell),
        onKeydown: onKey,
      })
    const reset = (cell: Cell) => () => {
      Object.assign(cell, { code: original, status: 'idle' })
      editing.value = false
    }
    const controls = (cell: Cell) => [
      button(labels[cell.status], () => run(index.value), cell.status === 'waiting'),
      cell.status === 'waiting' ? button('Stop', stop) : undefined,
      editing.value ? button('Reset', reset(cell)) : button('Edit', () => (editing.value = true)),
    ]
    return () => {
      const cell = cells[index.value]
      return h('section', { class: 'live-cell', 'data-status': cell?.status ?? 'loading' }, [
        h('div', { ref: place, hidden: editing.value }, slots['default']?.()),
        cell && editing.value ? editor(cell) : undefined,
        h('div', { class: 'controls' }, cell ? controls(cell) : undefined),
        h('div', { class: 'output', 'aria-live': 'polite' }, [
          ...(cell ? joined(cell.outputs).map(outputOf) : []),
          cell?.failure === undefined ? undefined : h('pre', { class: 'failure' }, cell.failure),
        ]),
      ])
    }
  },
})

/** Runs the whole page. */
export const RunAll = defineComponent({
  name: 'RunAll',
  setup: () => () => {
    const done = cells.filter(({ status }) => status === 'done').length
    const busy = cells.some(({ status }) => status === 'waiting')
    return h('p', { class: 'run-all' }, [
      h('button', { type: 'button', disabled: busy, onClick: () => run(cells.length - 1) }, 'Run everything'),
      busy ? h('button', { type: 'button', onClick: stop }, 'Stop') : undefined,
      h('span', { role: 'status' }, cells.length === 0 ? '' : `${done} of ${cells.length} cells have run`),
    ])
  },
})
