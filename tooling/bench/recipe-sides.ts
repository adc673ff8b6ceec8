// Sides that train whole runs of an experiment, a seed a turn: digitlab on wasm, and PyTorch with the same experiment.
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { resolveModel, type ModelName } from '@digitlab/models'
import type { Experiment } from '@digitlab/train'
import { compareLosses } from './losses'
import { startSide } from './side'
import type { SideSpec } from './sides'

const script = (name: string) => fileURLToPath(new URL(`sides/${name}`, import.meta.url))
const reference = fileURLToPath(new URL('../reference', import.meta.url))

/** Threads of the side before may still be spinning: let them go to sleep, in milliseconds. */
const settle = 250

/** Where sides compute, and with what. */
interface RecipeContext {
  /** The folder of MNIST's files. */
  readonly data: string
  /** How many to train on; all unless given. */
  readonly images?: number
  /** The folder of augmented images, for an experiment that augments them. */
  readonly augmented?: string
  readonly cores: number
  readonly python: string
  /** PyTorch's version; undefined where there is none. */
  readonly torch: string | undefined
}

/** digitlab's side, and PyTorch's where there is one. */
export const recipeSides = (
  model: ModelName,
  experiment: Experiment,
  { data, images, augmented, cores, python, torch }: RecipeContext,
): SideSpec[] => {
  const task = { data, images, experiment, firstSeed: 0 }
  const args = JSON.stringify({ ...task, workers: 'auto' })
  const ours = { id: 'wasm', title: 'digitlab wasm', command: process.execPath, args: [script('recipe.mjs'), args] }
  if (torch === undefined) return [ours]
  const { layers } = resolveModel(model).definition
  const theirs = JSON.stringify({ ...task, layers, augmented, threads: cores, reference })
  return [ours, { id: 'torch', title: `PyTorch ${torch}`, command: python, args: [script('torch_recipe.py'), theirs] }]
}

/** What a side tells of a run. */
interface Told {
  readonly seed: number
  readonly seconds: number
  readonly accuracy: number
  /** Of its first steps. */
  readonly losses: readonly number[]
}

interface Running extends SideSpec {
  readonly process: ReturnType<typeof startSide<Told>>
  readonly turns: Omit<Told, 'losses'>[]
  first?: readonly number[]
  failed?: string
}

/** What came of the sides, by id. */
export interface RecipeTurns {
  readonly turns: Readonly<Record<string, readonly Omit<Told, 'losses'>[]>>
  readonly failed?: Readonly<Record<string, string>>
}

/**
 * Sides take turns, so that what slows the machine slows all of them. Their first losses are held to one another.
 *
 * @param warm whether the first turn of each is not counted: what is compiled meanwhile is no part of an epoch
 */
export const trainInTurns = async (
  model: string,
  sides: readonly SideSpec[],
  { rounds, warm, say }: { readonly rounds: number; readonly warm: boolean; readonly say: (sentence: string) => void },
): Promise<RecipeTurns> => {
  const running: Running[] = sides.map((side) => ({
    ...side,
    process: startSide<Told>(side.command, side.args),
    turns: [],
  }))
  const able = () => running.filter(({ failed }) => failed === undefined)
  try {
    for (let round = warm ? 0 : 1; round <= rounds; round++) {
      for (const side of able()) {
        await sleep(settle)
        try {
          const { losses, ...told } = await side.process.turn()
          side.first ??= losses
          if (round > 0) side.turns.push(told)
          const { seed, seconds, accuracy } = told
          say(`${model}, ${side.id}, seed ${seed}: ${seconds.toPrecision(3)} s, ${(100 * accuracy).toFixed(2)} %`)
        } catch (error) {
          side.failed = (error as Error).message
          say(`${model}: ${side.id} cannot: ${side.failed}`)
        }
      }
      if (round !== (warm ? 0 : 1) || able().length === 0) continue
      const told = able().map(({ id, first = [] }) => ({ id, losses: first }))
      for (const { id, against, largest, agrees } of compareLosses(model, told, ['torch', 'wasm'])) {
        const side = running.find((each) => each.id === id)
        if (side && !agrees)
          side.failed = `its losses are up to ${largest.toExponential(1)} from those of ${against}: not timed`
      }
    }
    const failed = running.flatMap(({ id, failed }) => (failed === undefined ? [] : [[id, failed] as const]))
    return {
      turns: Object.fromEntries(running.map(({ id, turns, failed }) => [id, failed === undefined ? turns : []])),
      ...(failed.length > 0 ? { failed: Object.fromEntries(failed) } : {}),
    }
  } finally {
    await Promise.all(running.map(({ process }) => process.end()))
  }
}
