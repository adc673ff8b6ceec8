/** Of values above and below zero, red, green and blue: legible on light and on dark paper. */
export const [positive, negative] = [
  [217, 112, 20],
  [52, 128, 210],
] as const
