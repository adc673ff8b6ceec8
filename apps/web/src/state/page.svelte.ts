// All that the page shows, as its workers tell it.
import type { CatalogueName } from '@digitlab/data'
import type { Probe } from '@digitlab/backends'
import type { DrawnEpoch } from '@digitlab/report'
import {
  models,
  type DataChoice,
  type DataSummary,
  type Failure,
  type Group,
  type KnownRun,
  type PageBackend,
  type Reading,
  type Resumable,
  type RunParts,
  type Settings,
  type Standing,
  type ToLab,
} from '../protocol'
import { createFigures } from './figures'
import { percent } from './format'
import { connectLab, type LabConnection, type Told } from './lab-connection'
import { learningRates, remember, rememberedData, rememberedSettings } from './settings'

type DataState =
  | { readonly state: 'none' }
  | { readonly state: 'loading'; readonly what: string; readonly received?: number; readonly total?: number }
  | { readonly state: 'ready' }
  | { readonly state: 'failed'; readonly failure: Failure }

type Phase = 'idle' | 'starting' | 'training' | 'evaluating' | 'paused' | 'stopping'

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

/** What is shown, and what can be done. */
class Page {
  settings = $state<Settings>(rememberedSettings())
  choice = $state<DataChoice>(rememberedData() ?? 'auto')
  probes = $state.raw<readonly { readonly id: PageBackend; readonly probe: Probe }[]>()
  data = $state.raw<DataState>({ state: 'none' })
  summary = $state.raw<DataSummary>()
  /** Of the experiment in the form. */
  experiment = $state.raw<{ readonly id?: string; readonly problem?: string }>({})

  phase = $state<Phase>('idle')
  training = $state.raw<Training>()
  standing = $state.raw<Omit<Standing, 'losses'>>()
  losses = $state.raw<readonly number[]>([])
  epochs = $state.raw<readonly DrawnEpoch[]>([])
  failure = $state.raw<Failure>()
  notices = $state.raw<readonly string[]>([])
  runs = $state.raw<readonly KnownRun[]>([])
  resumable = $state.raw<readonly Resumable[]>([])
  /** The run that is looked at. */
  looking = $state<string>()
  parts = $state.raw<RunParts>()
  /** The runs whose figures can be drawn. */
  prepared = $state.raw<readonly string[]>([])
  #preparing = new Set<string>()
  lookFailure = $state.raw<Failure>()
  /** The comparison that is shown: the latest. */
  group = $state<string>()
  reading = $state.raw<Reading>()
  unreadable = $state<string>()
  /** What a screen reader is told: what has ended, not every step. */
  announcement = $state('')
  /** The data sets whose images can be drawn, by name and hashes; the latest last. */
  images = $state.raw<readonly string[]>([])
  local = $state.raw<readonly CatalogueName[]>([])
  online = $state(navigator.onLine)

  readonly isolated = globalThis.crossOriginIsolated
  readonly processors = navigator.hardwareConcurrency
  readonly figures = createFigures((id) => (this.images = [...this.images.filter((held) => held !== id), id]))
  /** Those of the data set that was given, for a new worker. */
  #files: readonly File[] | undefined
  #lab: LabConnection

  constructor() {
    this.#lab = this.#connect()
    addEventListener('online', () => (this.online = true))
    addEventListener('offline', () => (this.online = false))
    if (rememberedData() !== undefined || this.#localData() !== undefined) this.loadData(this.choice)
  }

  #localData(): string | undefined {
    const content = document.querySelector<HTMLMetaElement>('meta[name="digitlab-data"]')?.content
    return content === undefined || content === '' ? undefined : new URL(content, document.baseURI).href
  }

  #connect(): LabConnection {
    const lab = connectLab(
      (message) => this.#receive(message),
      () => this.#died(),
    )
    const local = this.#localData()
    lab.hello(this.figures.port(), local)
    lab.send({ type: 'settings', settings: $state.snapshot(this.settings) })
    return lab
  }

  #send(message: ToLab, transfer: Transferable[] = []): void {
    this.#lab.send(message, transfer)
  }

  /** A fresh worker in the place of one that is gone or should not go on. */
  #restart(): void {
    this.#lab.end()
    this.#lab = this.#connect()
    this.#send({ type: 'known', runs: this.runs })
    if (this.#files) this.#giveData(this.#files)
    else if (this.summary) this.loadData(this.summary.choice)
  }

  #died(): void {
    const was = this.phase
    this.phase = 'idle'
    const kept = was === 'idle' ? '' : ' What was kept of the run is below: go on from there.'
    this.#fail({ sentence: `The worker that computes was closed; a new one has been started.${kept}` })
    this.#restart()
  }

  #fail(failure: Failure): void {
    this.failure = failure
    this.announcement = failure.sentence
  }

  #receive(message: Told): void {
    switch (message.type) {
      case 'backends':
        this.probes = message.probes
        return
      case 'kept': {
        const known = new Set(message.runs.map(({ key }) => key))
        this.runs = [...message.runs, ...this.runs.filter(({ key }) => !known.has(key))]
        this.resumable = message.resumable
        this.group ??= this.runs.findLast(({ group }) => group)?.group?.id
        return
      }
      case 'resumable':
        return this.#addResumable(message.resumable)
      case 'loading':
        this.data = { state: 'loading', ...message }
        return
      case 'data':
        this.data = { state: 'ready' }
        this.summary = message.data
        if (message.data.choice !== 'files') remember('digitlab-data', message.data.choice)
        this.choice = message.data.choice
        this.announcement = `${message.data.title} is loaded. ${message.data.notice ?? ''}`
        return
      case 'served':
        this.local = message.names
        return
      case 'load-cancelled':
        this.data = this.summary ? { state: 'ready' } : { state: 'none' }
        if (this.phase === 'starting') this.phase = 'idle'
        return
      case 'data-failed':
        this.data = { state: 'failed', failure: message.failure }
        this.announcement = message.failure.sentence
        return
      case 'experiment':
        this.experiment = message
        return
      case 'started':
        this.training = message
        this.losses = Array.from(message.losses)
        this.epochs = message.epochs
        this.standing = undefined
        this.phase = 'training'
        this.resumable = this.resumable.filter(({ key }) => key !== message.key)
        if (message.group) this.group = message.group.id
        this.announcement = `Training of ${message.settings.model} has begun.`
        return
      case 'standing': {
        const { losses, ...standing } = message
        this.losses = [...this.losses, ...losses]
        this.standing = standing
        if (this.phase === 'evaluating') this.phase = 'training'
        return
      }
      case 'evaluating':
        if (this.phase === 'training') this.phase = 'evaluating'
        return
      case 'epoch':
        this.epochs = [...this.epochs, message.record]
        if (this.phase === 'evaluating') this.phase = 'training'
        this.announcement = `Epoch ${message.record.epoch}: test accuracy ${percent(message.record.testAccuracy)}.`
        return
      case 'paused':
        this.phase = 'paused'
        return
      case 'resumed':
        if (this.phase === 'paused') this.phase = 'training'
        return
      case 'finished':
        return this.#finished(message.known, message.resumable)
      case 'failed':
        this.phase = 'idle'
        this.#fail(message.failure)
        this.#addResumable(message.resumable)
        if (this.data.state === 'loading') this.data = this.summary ? { state: 'ready' } : { state: 'none' }
        if (message.fresh) this.#restart()
        return
      case 'opened':
        this.runs = [...this.runs, message.known]
        this.announcement = 'The run is open.'
        return this.look(message.known.key)
      case 'open-failed':
        return this.#fail(message.failure)
      case 'parts':
        this.figures.prepare(message.parts)
        if (!this.prepared.includes(message.parts.key)) this.prepared = [...this.prepared, message.parts.key]
        if (message.parts.key === this.looking) this.parts = message.parts
        return
      case 'look-failed':
        if (message.key === this.looking) this.lookFailure = message.failure
        return
      case 'notice':
        this.notices = [...this.notices.filter((sentence) => sentence !== message.sentence), message.sentence]
        return
      case 'read':
        this.reading = message
        this.unreadable = undefined
        return
      case 'unreadable':
        this.unreadable = message.sentence
    }
  }

  #addResumable(resumable: Resumable | undefined): void {
    if (resumable) this.resumable = [resumable, ...this.resumable.filter(({ key }) => key !== resumable.key)]
  }

  #finished(known: KnownRun, resumable: Resumable | undefined): void {
    const settings = this.training?.settings
    this.phase = 'idle'
    this.runs = [...this.runs.filter(({ key }) => key !== known.key), known]
    this.#addResumable(resumable)
    const { run, group } = known
    const how = run.status === 'completed' ? 'is done' : 'was stopped'
    this.announcement = `Training of ${run.model.name} ${how}: test accuracy ${percent(run.metrics.accuracy)}.`
    this.look(known.key)
    const [next, ...rest] = group?.rest ?? []
    if (run.status === 'completed' && group && next && settings)
      this.#train({ ...settings, model: next }, { id: group.id, rest })
  }

  #train(settings: Settings, group?: Group): void {
    this.failure = undefined
    this.phase = 'starting'
    this.training = undefined
    this.losses = []
    this.epochs = []
    this.standing = undefined
    if (group) this.group = group.id
    this.#send({
      ...{ type: 'train', key: crypto.randomUUID(), settings, data: this.choice },
      ...(group ? { group } : {}),
    })
  }

  change(settings: Partial<Settings>): void {
    const { optimizer } = settings
    const changed = optimizer !== undefined && optimizer !== this.settings.optimizer
    this.settings = {
      ...this.settings,
      ...settings,
      ...(changed ? { learningRate: learningRates[optimizer] } : {}),
    }
    const plain = $state.snapshot(this.settings)
    remember('digitlab-settings', plain)
    this.#send({ type: 'settings', settings: plain })
  }

  train(): void {
    this.#train($state.snapshot(this.settings))
  }

  /** Trains the three models, one after the other. */
  compare(): void {
    const [model, ...rest] = models
    this.#train({ ...$state.snapshot(this.settings), model }, { id: crypto.randomUUID(), rest })
  }

  pause(): void {
    this.#send({ type: 'pause' })
  }

  resume(): void {
    this.#send({ type: 'resume' })
  }

  stop(): void {
    this.phase = 'stopping'
    this.#send({ type: 'stop' })
  }

  goOn(key: string): void {
    this.failure = undefined
    this.phase = 'starting'
    this.#send({ type: 'go-on', key })
  }

  forget(key: string): void {
    this.resumable = this.resumable.filter((run) => run.key !== key)
    this.#send({ type: 'forget', key })
  }

  loadData(choice: Exclude<DataChoice, 'files'>): void
  loadData(choice: DataChoice): void
  loadData(choice: DataChoice): void {
    if (choice === 'files') return
    this.choice = choice
    this.#files = undefined
    this.data = { state: 'loading', what: 'looking for the data set' }
    this.#send({ type: 'load', name: choice })
  }

  cancelLoad(): void {
    this.#send({ type: 'cancel-load' })
  }

  /** What was dropped or chosen: a run's files, or those of a data set. */
  open(files: readonly File[]): void {
    this.failure = undefined
    const ofRun = files.some(({ name }) => name.endsWith('.json') || name.endsWith('.safetensors'))
    if (ofRun) this.#send({ type: 'open-files', files })
    else this.#giveData(files)
  }

  #giveData(files: readonly File[]): void {
    this.#files = files
    this.data = { state: 'loading', what: `reading ${files.length} files` }
    this.#send({ type: 'load-files', files })
  }

  look(key: string): void {
    this.looking = key
    this.parts = undefined
    this.lookFailure = undefined
    this.#send({ type: 'look', key })
  }

  /** Sees to it that a run's figures can be drawn, without looking at it. */
  prepare(key: string): void {
    if (this.#preparing.has(key)) return
    this.#preparing.add(key)
    this.#send({ type: 'prepare', key })
  }

  draw(rgba: Uint8ClampedArray, width: number, height: number): void {
    this.#send({ type: 'drawing', rgba, width, height }, [rgba.buffer])
  }

  drawTestImage(): void {
    this.#send({ type: 'test-image' })
  }

  clearDrawing(): void {
    this.reading = undefined
    this.unreadable = undefined
    this.#send({ type: 'no-drawing' })
  }
}

export const page = new Page()
