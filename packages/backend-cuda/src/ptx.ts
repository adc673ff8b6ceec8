import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A kernel's parameters: where each lies in the block of memory that a launch hands over. */
interface Parameter {
  readonly type: 'u32' | 'u64' | 'f32' | 'f64' | 'bytes'
  readonly offset: number
  readonly size: number
}

export interface KernelLayout {
  readonly parameters: readonly Parameter[]
  readonly size: number
}

export interface Ptx {
  readonly text: string
  readonly kernels: ReadonlyMap<string, KernelLayout>
}

/**
 * The compiled kernels, in parts that a driver compiles when the first of theirs is wanted: those that every run takes some of, those of
 * convolutions by themselves, those with tensor cores.
 */
export const ptxNames = ['kernels', 'convolution', 'tensor-cores'] as const
export type PtxName = (typeof ptxNames)[number]

// In the CommonJS build `__filename` stands for the address of this module.
const here = typeof __filename === 'string' ? __filename : fileURLToPath(import.meta.url)

const read = new Map<PtxName, Ptx>()

/** Reads compiled kernels from the package's folder `ptx`. */
export const readPtx = (name: PtxName): Ptx => {
  const known = read.get(name)
  if (known) return known
  const text = readFileSync(join(here, '..', '..', 'ptx', `${name}.ptx`), 'utf8')
  const made = { text, kernels: kernelsOf(text) }
  read.set(name, made)
  return made
}

const sizes: Readonly<Record<string, number>> = { u32: 4, u64: 8, f32: 4, f64: 8 }

/** Every `.entry` of a PTX text with its parameters, each of which is aligned to its own size. */
export const kernelsOf = (text: string): ReadonlyMap<string, KernelLayout> => {
  const kernels = new Map<string, KernelLayout>()
  for (const [, name = '', list = ''] of text.matchAll(/\.entry (\w+)\(([^)]*)\)/g)) {
    const parameters: Parameter[] = []
    let end = 0
    for (const [, align, type = '', length] of list.matchAll(/\.param (?:\.align (\d+) )?\.(\w+) \w+(?:\[(\d+)\])?/g)) {
      const size = length === undefined ? sizes[type] : Number(length)
      if (size === undefined) throw new Error(`the kernel ${name} has a parameter of the unknown type .${type}`)
      const alignment = align === undefined ? size : Number(align)
      const offset = Math.ceil(end / alignment) * alignment
      parameters.push({ type: length === undefined ? (type as Parameter['type']) : 'bytes', offset, size })
      end = offset + size
    }
    kernels.set(name, { parameters, size: end })
  }
  return kernels
}
