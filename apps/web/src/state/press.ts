// While a button is pressed nothing that comes moves it: a click counts only where it is released on what it was pressed on.

/** What does something when it is released; a list opens, and a slider moves, as it is pressed. */
const controls = 'button, a, label, summary, [type=checkbox], [type=radio], [role=button]'
/** How long a press may hold everything up, in milliseconds: not every release is heard of. */
const longest = 5000
/** How long after a release a click may come, in milliseconds: that of a finger is an event of its own. */
const untilClick = 80

let pressed = false
const held: (() => void)[] = []
let timer: ReturnType<typeof setTimeout> | undefined

const release = (): void => {
  pressed = false
  for (const work of held.splice(0))
    try {
      work()
    } catch (error) {
      reportError(error) // and what came after it is done all the same
    }
}

const releaseIn = (milliseconds: number): void => {
  if (!pressed) return
  clearTimeout(timer)
  timer = setTimeout(release, milliseconds)
}

/** Watches for presses, for as long as the page is there. */
export const watchPresses = (target: EventTarget): void => {
  const listen = (type: string, listener: (event: Event) => void) => target.addEventListener(type, listener, true)
  listen('pointerdown', (event) => {
    if ((event as PointerEvent).button !== 0 || !(event.target as Element).closest(controls)) return
    pressed = true
    releaseIn(longest)
  })
  listen('pointerup', () => releaseIn(untilClick))
  listen('pointercancel', () => releaseIn(0))
  listen('dragend', () => releaseIn(0))
  listen('click', () => releaseIn(0))
}

/** Does what may move things on the page: at once, or when nothing is pressed any more; in the order of the calls. */
export const afterPress = (work: () => void): void => {
  if (pressed) held.push(work)
  else work()
}
