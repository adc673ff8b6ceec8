// What is shown, and what can be done: the form, and the parts of the state, each of which is told what the lab says.
import type { Probe } from '@digitlab/backends'
import { inputShape } from '@digitlab/data'
import { catalogue, mnistFit, type ModelName } from '@digitlab/models'
import { modelText } from '../model-text'
import type { PageBackend, Problems, Settings } from '../protocol'
import { addressOf, readAddress } from './address'
import { DataState } from './data.svelte'
import { DrawingState } from './drawing.svelte'
import { embedded, embedQuery } from './embedded'
import { createFigures } from './figures'
import { GivenState } from './given.svelte'
import { connectLab, type LabConnection, type Told } from './lab-connection'
import { afterPress, watchPresses } from './press'
import { formWithModel, formWithRecipe, type Form } from './recipe'
import { remember, rememberedData, rememberedSettings } from './remembered'
import { RunsState } from './runs.svelte'
import { TrainingState } from './training.svelte'

const addressed = readAddress(location.search, rememberedSettings(), navigator.hardwareConcurrency)

class Page {
  settings = $state<Settings>(addressed.settings)
  probes = $state.raw<Readonly<Partial<Record<PageBackend, Probe>>>>({})
  /** Of the experiment in the form. */
  experiment = $state.raw<{ readonly id?: string; readonly problems: Problems }>({ problems: {} })
  notices = $state.raw<readonly string[]>(addressed.notices)
  /** What a screen reader is told. */
  announcement = $state('')
  online = $state(navigator.onLine)
  /** With the experiment in it. */
  address = $state(location.href)

  readonly isolated = globalThis.crossOriginIsolated
  readonly processors = navigator.hardwareConcurrency
  readonly figures = createFigures((id) => this.data.addImages(id))
  readonly #context = {
    send: (...message: Parameters<LabConnection['send']>) => this.#lab.send(...message),
    announce: (sentence: string) => void (this.announcement = sentence),
    figures: this.figures,
  }
  /** The model of one's own that was typed last. */
  #own: string | undefined
  /** What was in the form before a recipe was filled in. */
  #before: Settings | undefined
  readonly data = new DataState(this.#context)
  readonly training = new TrainingState(this.#context)
  readonly drawing = new DrawingState(this.#context)
  readonly runs = new RunsState(this.#context, this.drawing)
  readonly given = new GivenState(this.#context, this.data)
  readonly #parts = [this.data, this.training, this.runs, this.drawing, this.given]
  #lab: LabConnection

  /** Why the form can't be trained; undefined where it can. */
  readonly problem = $derived.by((): string | undefined => {
    if (!globalThis.isSecureContext) return 'This page needs https, or localhost, to train.'
    const probe = this.probes[this.settings.backend]
    if (probe && !probe.usable) return `The backend ${this.settings.backend} cannot compute here: choose another.`
    const [problem] = Object.values(this.experiment.problems)
    return problem
  })
  /** The settings that a value is wrong in. */
  readonly wrongNames = $derived(Object.keys(this.experiment.problems).map((path) => path.split('.')[0] ?? ''))

  constructor() {
    watchPresses(globalThis)
    this.#lab = this.#connect()
    for (const type of ['online', 'offline'])
      addEventListener(type, () => afterPress(() => (this.online = navigator.onLine)))
    if (addressed.data) this.data.choice = addressed.data
    // At a first visit nothing is fetched but from the server of the page.
    const { choice } = this.data
    if (choice !== 'files' && (rememberedData() !== undefined || this.#localData() !== undefined))
      this.data.load(choice)
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
    lab.hello(this.figures.port(), this.#localData())
    lab.send({ type: 'settings', settings: $state.snapshot(this.settings), data: this.data.choice })
    return lab
  }

  /** A fresh worker in the place of one that is gone or should not go on. */
  #restart(): void {
    this.#lab.end()
    this.#lab = this.#connect()
    for (const part of this.#parts) part.restarted()
  }

  #died(): void {
    const sentence = 'The worker that computes was closed; a new one has been started.'
    if (this.training.phase === 'idle') this.training.fail({ sentence }, 'messages')
    else {
      const offered = 'What was kept of the run is offered at the top of the page: go on from there.'
      this.training.fail({ sentence: `${sentence} ${offered}` }, 'train')
    }
    this.#restart()
  }

  #receive(message: Told): void {
    for (const part of this.#parts) part.receive(message)
    switch (message.type) {
      case 'backend':
        this.probes = { ...this.probes, [message.id]: message.probe }
        return
      case 'experiment':
        this.experiment = message
        return
      case 'kept':
        this.training.group ??= message.runs.findLast(({ group }) => group)?.group?.id
        return
      case 'data':
        this.#address()
        return this.#describe()
      case 'data-failed':
        return this.#describe() // its name is part of the experiment
      case 'opened':
        if (message.what.kind === 'model') this.chooseOwnModel(message.what.text)
        return
      case 'notice':
        this.notices = [...this.notices.filter((sentence) => sentence !== message.sentence), message.sentence]
        return
      case 'failed':
        if (message.fresh) this.#restart()
        return
      default: // is for the parts
    }
  }

  /** Sends the form, which is checked, and whose experiment has an id. */
  #describe(): void {
    this.#lab.send({ type: 'settings', settings: $state.snapshot(this.settings), data: this.data.choice })
  }

  change(settings: Partial<Settings>): void {
    this.settings = { ...this.settings, ...settings }
    remember('digitlab-settings', $state.snapshot(this.settings))
    this.#address()
    this.#describe()
  }

  /** Fills in the model's recipe, where it comes with one. */
  chooseModel(model: ModelName): void {
    this.#own = this.settings.definition ?? this.#own
    this.#hold(formWithModel(this.#form(), model))
  }

  /** A model of one's own. @param text its JSON; what was typed last unless given, or the model that is chosen, to begin with */
  chooseOwnModel(text?: string): void {
    const { model, definition } = this.settings
    const fit = this.data.summary
      ? { input: inputShape(this.data.summary.imageShape), classes: this.data.summary.classes }
      : mnistFit
    const begun = () => modelText({ ...catalogue[model](fit), name: `my-${model}` })
    this.#own = text ?? definition ?? this.#own ?? begun()
    this.change({ definition: this.#own })
  }

  /** With the recipe of the model, or with what was in the form before. */
  chooseRecipe(on: boolean): void {
    this.#hold(formWithRecipe(this.#form(), on))
  }

  #form(): Form {
    return { settings: $state.snapshot(this.settings), before: this.#before }
  }

  #hold({ settings, before }: Form): void {
    this.#before = before
    this.settings = settings
    this.change({})
  }

  /** Puts the experiment into the address, so that a link is one. */
  #address(): void {
    const query = addressOf($state.snapshot(this.settings), this.data.choice) + embedQuery(embedded)
    this.address = new URL(`${location.pathname}${query}${location.hash}`, location.href).href
    // A browser refuses this where it is done too often; the next change puts it right.
    try {
      history.replaceState(history.state, '', `${location.pathname}${query}${location.hash}`)
    } catch {
      // as said
    }
  }

  /** @param stepwise it pauses after its first step */
  train(stepwise = false): void {
    this.training.train($state.snapshot(this.settings), this.data.choice, stepwise)
  }

  compare(): void {
    this.training.compare($state.snapshot(this.settings), this.data.choice)
  }
}

export const page = new Page()
