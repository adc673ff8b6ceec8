// What somebody who mistyped a word meant.

/** Letters to insert, leave out, replace or swap with their neighbour to make one word of the other (optimal string alignment). */
export const distance = (a: string, b: string): number => {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const at = (up: number, left: number) => (up === 0 ? row : rows[i - up])?.[j - left] ?? Infinity
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(Math.min(at(1, 0) + 1, at(0, 1) + 1, at(1, 1) + same, swapped ? at(2, 2) + 1 : Infinity))
    }
    rows.push(row)
  }
  return rows.at(-1)?.at(-1) ?? 0
}

/** `, did you mean cnn?`'s middle: ' (did you mean cnn?)' where one of the words is near enough, else nothing. */
export const nearest = (word: string, words: readonly string[]): string => {
  const lower = word.toLowerCase()
  const [best] = words
    .map((each) => ({ each, far: distance(lower, each.toLowerCase()) }))
    .filter(({ each, far }) => far <= 2 && far / Math.max(each.length, word.length) <= 0.4)
    .sort((a, b) => a.far - b.far)
  return best ? ` (did you mean ${best.each}?)` : ''
}

/** Sentences that name a wrong word and what there is instead, as libraries end them. */
const choosing = [
  /"(?<word>[^"\n]{1,64})".*?: choose (?:auto or )?(?:one of|among|of) (?<list>[^:;]*)/,
  /must be one of (?<list>[^:;]*), not "(?<word>[^"\n]{1,64})"/,
  /has no "(?<word>[^"\n]{1,64})", it has (?<list>[^:;]*)/,
]

/** 'did you mean dense?', from 'there is no layer "dence": choose one of dense, conv'. */
export const meant = (sentence: string): string | undefined => {
  if (sentence.includes('did you mean')) return undefined
  for (const form of choosing) {
    const { word = '', list = '' } = form.exec(sentence)?.groups ?? {}
    const found = nearest(word, list.replaceAll('"', '').split(/,\s*(?:or )?/))
    if (found !== '') return found.slice(2, -1)
  }
  return undefined
}
