// The training: idle, or one run as far as it has gone.
import { caseStudyModels } from '@digitlab/models'
import type { DrawnEpoch } from '@digitlab/report'
import { percent } from '@digitlab/report'
import type { DataChoice, Failure, Group, Settings, Standing } from '../protocol'
import { newKey } from '../new-key'
import { modelNameOf } from '../settings'
import type { Context, Part } from './context'
import type { Told } from './lab-connection'

type Phase = 'idle' | 'starting' | 'training' | 'evaluating' | 'paused' | 'stopping'

/** Where the order to train came from: there it is told why it failed. */
export type From = 'train' | 'compare' | 'messages'

/** A training as far as it has gone. */
interface Training {
  readonly key: string
  readonly settings: Settings
  readonly id: string
  readonly device: string
  readonly threads: number
  readonly stepsPerEpoch: number
  readonly group?: Group
}

export class TrainingState implements Part {
  phase = $state<Phase>('idle')
  /** The latest one. */
  current = $state.raw<Training>()
  /** How it ended, once it has. */
  outcome = $state<'done' | 'stopped' | 'failed'>()
  standing = $state.raw<Omit<Standing, 'losses' | 'records'>>()
  losses = $state.raw<readonly number[]>([])
  epochs = $state.raw<readonly DrawnEpoch[]>([])
  /** What to know of the latest one: that its loss grows without bound, say. */
  warnings = $state.raw<readonly string[]>([])
  failure = $state.raw<Failure & { readonly at: From }>()
  /** Steps a second at most; undefined for as many as can be. */
  pace = $state<number>()
  /** The comparison that is shown: the latest. */
  group = $state<string>()
  #from: From = 'train'
  /** Steps are taken one by one. */
  #stepwise = false
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** @param stepwise it pauses after its first step */
  train(settings: Settings, data: DataChoice, stepwise = false): void {
    this.#from = 'train'
    this.#begin(settings, data, { stepwise })
  }

  /** Trains the case study's three models, one after the other. */
  compare(settings: Settings, data: DataChoice): void {
    const [model, ...rest] = caseStudyModels
    this.#from = 'compare'
    this.#begin({ ...settings, model, definition: undefined }, data, { group: { id: newKey(), rest } })
  }

  #begin(settings: Settings, data: DataChoice, how: { readonly group?: Group; readonly stepwise?: boolean }): void {
    this.failure = undefined
    this.#stepwise = how.stepwise === true
    this.phase = 'starting'
    this.outcome = undefined
    this.warnings = []
    this.current = undefined
    this.losses = []
    this.epochs = []
    this.standing = undefined
    if (how.group) this.group = how.group.id
    this.#context.send({ type: 'train', key: newKey(), settings, data, ...how })
  }

  goOn(key: string): void {
    this.#from = 'messages'
    this.failure = undefined
    this.outcome = undefined
    this.warnings = []
    this.phase = 'starting'
    this.#context.send({ type: 'go-on', key })
  }

  pause(): void {
    this.#context.send({ type: 'pause' })
  }

  step(): void {
    this.#stepwise = true
    this.#context.send({ type: 'step' })
  }

  /** @param stepsPerSecond at most; undefined for as many as can be */
  setPace(stepsPerSecond: number | undefined): void {
    this.pace = stepsPerSecond
    this.#context.send({ type: 'pace', ...(stepsPerSecond === undefined ? {} : { stepsPerSecond }) })
  }

  resume(): void {
    this.#stepwise = false
    this.#context.send({ type: 'resume' })
  }

  stop(): void {
    this.phase = 'stopping'
    this.#context.send({ type: 'stop' })
  }

  /** @param at where it is told: where the training was begun unless given */
  fail(failure: Failure, at: From = this.#from): void {
    if (this.phase !== 'idle') this.outcome = 'failed'
    this.phase = 'idle'
    this.failure = { ...failure, at }
    this.#context.announce(failure.sentence)
  }

  receive(message: Told): void {
    switch (message.type) {
      case 'load-cancelled':
        if (this.phase === 'starting') this.phase = 'idle'
        return
      case 'started':
        this.current = message
        this.losses = Array.from(message.losses)
        this.epochs = message.epochs
        this.standing = undefined
        this.phase = 'training'
        if (this.#from === 'messages') this.#from = 'train' // where it goes on
        if (message.group) this.group = message.group.id
        this.#context.announce(`Training of ${modelNameOf(message.settings)} has begun.`)
        return
      case 'standing': {
        const { losses, records, ...standing } = message
        this.losses = [...this.losses, ...losses]
        this.standing = standing
        if (this.phase === 'evaluating') this.phase = 'training'
        const last = records.at(-1)
        const [loss] = losses.slice(-1)
        // Of steps that are taken one by one each is told.
        if (!last && this.#stepwise && loss !== undefined)
          this.#context.announce(`Step ${this.losses.length}: loss ${loss.toPrecision(3)}.`)
        if (!last) return
        this.epochs = [...this.epochs, ...records]
        const on = last.validationAccuracy === undefined ? 'test' : 'validation'
        const accuracy = last.validationAccuracy ?? last.testAccuracy ?? NaN
        this.#context.announce(`Epoch ${last.epoch}: ${on} accuracy ${percent(accuracy)}.`)
        return
      }
      case 'evaluating':
        if (this.phase === 'training') this.phase = 'evaluating'
        return
      case 'paused':
        this.phase = 'paused'
        return
      case 'resumed':
        if (this.phase === 'paused') this.phase = 'training'
        return
      case 'finished': {
        const { run, group } = message.known
        const settings = this.current?.settings
        const done = run.status === 'completed'
        this.phase = 'idle'
        this.outcome = done ? 'done' : 'stopped'
        const how = done ? 'is done' : 'was stopped'
        this.#context.announce(`Training of ${run.model.name} ${how}: test accuracy ${percent(run.metrics.accuracy)}.`)
        const [next, ...rest] = group?.rest ?? []
        if (done && group && next && settings) {
          this.#from = 'compare'
          this.#begin({ ...settings, model: next }, message.data, { group: { id: group.id, rest } })
        }
        return
      }
      case 'warning':
        this.warnings = [...this.warnings, message.sentence]
        this.#context.announce(message.sentence)
        return
      case 'failed':
        return this.fail(message.failure)
      default: // is for other parts
    }
  }

  restarted(): void {
    this.phase = 'idle'
    this.setPace(this.pace)
  }
}
