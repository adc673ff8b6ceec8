// Where a panel sticks that may be taller than the window.

export interface Sticking {
  /** Heights in pixels, of the panel and the window. */
  readonly height: number
  readonly window: number
  /** Where the panel's upper edge sticks where it has room, in pixels. */
  readonly upper: number
  /** Kept free below it, in pixels. */
  readonly below: number
}

/**
 * Where a panel's upper edge sticks after the page was scrolled: one that is taller than the window goes with the page until its lower
 * edge is in sight, or its upper one, whichever way that is. Nothing but scrolling moves it, least of all its own growth.
 *
 * @param top where it stuck, in pixels
 * @param by how far the page was scrolled, downwards above 0
 */
export const stickyTop = (top: number, by: number, { height, window, upper, below }: Sticking): number => {
  const lowest = Math.min(upper, window - height - below)
  return Math.min(upper, Math.max(top - by, Math.min(lowest, top + Math.abs(by))))
}
