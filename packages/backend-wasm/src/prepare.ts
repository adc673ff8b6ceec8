// A recorded step as it is repeated: its calls are put together once, and what varies is put into them each time.
import type { StepVariables } from '@digitlab/backends'
import type { Call } from './calls'
import type { Note, Varying, VaryingShared } from './instance'
import { fits, type Program } from './threads'

/** What is repeated. */
export interface Prepared {
  /** In turn: calls that threads can share, and what only the calling one may do. */
  readonly parts: readonly (Program | Varying)[]
  /** Whether threads have room for them. */
  readonly shareable: boolean
  /** Puts the parameters of a repetition into the calls that vary; false if it makes other calls and must be prepared again. */
  readonly renew: (variables: StepVariables) => boolean
}

/** A call in its place. */
interface Placed {
  call: Call
  /** Of one that varies: takes what it is this time; false where it is another one. */
  take?: (call: Call) => boolean
}

/** @param callsOf gives the calls of what varies, without making them */
export const prepare = (
  notes: readonly Note[],
  callsOf: (note: VaryingShared, variables: StepVariables) => readonly Call[],
  variables: StepVariables,
): Prepared => {
  const renewals: { readonly note: VaryingShared; readonly calls: readonly Placed[] }[] = []
  const entries = notes.flatMap((note): (Placed | { readonly varying: Varying })[] => {
    if ('varying' in note) return [note]
    if (!('shared' in note)) return [{ call: note }]
    const calls = callsOf(note.shared, variables).map((call) => ({ call, take: takesInto(call) }))
    renewals.push({ note: note.shared, calls })
    return calls
  })
  // What is no call may read and write anything.
  const placed = entries.flatMap((entry) => ('call' in entry ? [entry] : []))
  const parts = partsOf(placed.length === entries.length ? withSteps(placed) : entries)
  return {
    parts,
    shareable: parts.every((part) => typeof part === 'function' || fits(part)),
    renew: (variables) =>
      renewals.every(({ note, calls }) => {
        const now = callsOf(note, variables)
        return now.length === calls.length && now.every((call, i) => calls[i]?.take?.(call))
      }),
  }
}

const takesInto =
  ({ kernel, items, parameters }: Call) =>
  (call: Call): boolean => {
    if (call.kernel !== kernel || call.items !== items) return false
    for (let i = 0; i < parameters.length; i++) parameters[i] = call.parameters[i] as number
    return true
  }

const partsOf = (entries: readonly (Placed | { readonly varying: Varying })[]): (Program | Varying)[] => {
  const parts: (Program | Varying)[] = []
  let calls: Call[] = []
  let varying = new Set<number>()
  const flush = () => {
    const last = calls.at(-1)
    if (!last) return
    if (!last.waits) calls[calls.length - 1] = { ...last, waits: true }
    parts.push({ calls, varying })
    ;[calls, varying] = [[], new Set()]
  }
  for (const entry of entries)
    if ('varying' in entry) {
      flush()
      parts.push(entry.varying)
    } else {
      const at = calls.push(entry.call) - 1
      if (entry.take) varying.add(at)
    }
  flush()
  return parts
}

/** Whether a call is given an address. */
const names = ({ parameters, items }: Call, address: number): boolean =>
  parameters.indexOf(address) >= 0 && parameters.indexOf(address) < parameters.length - (items === 0 ? 0 : 3)

/**
 * The same calls, where plain SGD's step on the weights of a wide layer is taken as their gradient is summed, which is then neither written
 * nor read again: the same bits. Only where nothing else is given the gradient, and nothing between the two the weights.
 */
const withSteps = (placed: readonly Placed[]): readonly Placed[] => {
  let all = [...placed]
  for (const step of placed) {
    if (step.call.kernel !== 'sgdStep') continue
    const [weight = 0, gradient = 0, rate = 0] = step.call.parameters
    const at = all.indexOf(step)
    const from = all.findIndex(({ call }) => names(call, gradient))
    const sum = all[from]
    if (sum?.call.kernel !== 'weightGradWide' || sum.take || from > at) continue
    const [x = 0, dz = 0, batch = 0, inputs = 0, outputs = 0, result, room = 0] = sum.call.parameters
    if (result !== gradient || inputs * outputs !== step.call.items) continue
    if (all.some((other) => other !== sum && other !== step && names(other.call, gradient))) continue
    if (all.slice(from, at).some(({ call }) => names(call, weight))) continue
    // Threads have met since any of them read the weights.
    const read = all.slice(0, from).findLastIndex(({ call }) => names(call, weight))
    if (read >= 0 && !all.slice(read, from).some(({ call }) => call.waits)) continue
    const { items } = sum.call
    const parameters = [x, dz, batch, inputs, outputs, weight, rate, room, 0, items]
    const fused: Placed = { call: { ...sum.call, kernel: 'weightStepWide', parameters } }
    const { items: size } = step.call
    fused.take = step.take = ({ kernel, items, parameters: now }) => {
      if (kernel !== 'sgdStep' || items !== size) return false
      parameters[6] = now[2] as number
      return true
    }
    // Whoever waited for the step waits for what is before it.
    const last = all[at - 1]
    if (step.call.waits && last && last !== sum) last.call = { ...last.call, waits: true }
    all = all.flatMap((each) => (each === step ? [] : [each === sum ? fused : each]))
  }
  return all
}
