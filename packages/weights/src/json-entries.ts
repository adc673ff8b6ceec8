/** One member of a JSON object, not yet parsed. */
export interface JsonEntry {
  readonly key: string
  readonly from: number
  readonly to: number
  /** Commas, colons and brackets in it: how many values it may make. */
  readonly marks: number
}

/** A document that is not JSON object, or not a whole one. */
export class NoObject extends Error {}

const blank = /[ \t\n\r]*/y

/**
 * The members of a JSON object in the order and as often as they stand in the text: JSON.parse keeps the last of two that
 * are the same, puts those that look like numbers first, and makes of a short text objects of many times its length.
 *
 * Only strings and brackets are looked at; whether a member's text is JSON, JSON.parse says of it.
 *
 * @throws NoObject
 */
export function* jsonEntries(json: string): Generator<JsonEntry> {
  let at = 0
  const skipBlank = () => {
    blank.lastIndex = at
    at += blank.exec(json)?.[0].length ?? 0
  }
  const expect = (letter: string) => {
    if (json[at] !== letter) throw new NoObject(`expected "${letter}" at character ${at}, found ${shown(json[at])}`)
    at++
    skipBlank()
  }
  const skipString = () => {
    for (at++; json[at] !== '"'; at += json[at] === '\\' ? 2 : 1)
      if (at >= json.length) throw new NoObject('a string in it is cut off')
    at++
  }
  skipBlank()
  expect('{')
  for (let first = true; json[at] !== '}'; first = false) {
    if (!first) expect(',')
    const named = at
    if (json[at] !== '"') throw new NoObject(`expected a name at character ${at}, found ${shown(json[at])}`)
    skipString()
    const key = parsed(json.slice(named, at))
    skipBlank()
    expect(':')
    const from = at
    let [depth, marks] = [0, 0]
    // A loop, not a recursion: a hostile text may be deep enough to run out of stack.
    for (; depth > 0 || (json[at] !== ',' && json[at] !== '}');) {
      const letter = json[at]
      if (letter === undefined) throw new NoObject('it is cut off')
      if (letter === '"') {
        skipString()
        continue
      }
      if (letter === '{' || letter === '[') depth++
      else if (letter === '}' || letter === ']') depth--
      if (letter === '{' || letter === '[' || letter === ',' || letter === ':') marks++
      at++
    }
    yield { key, from, to: at, marks }
    skipBlank()
  }
  at++
  skipBlank()
  if (at < json.length) throw new NoObject(`expected its end at character ${at}, found ${shown(json[at])}`)
}

const shown = (letter: string | undefined): string => (letter === undefined ? 'its end' : JSON.stringify(letter))

const parsed = (text: string): string => {
  try {
    return JSON.parse(text) as string
  } catch (cause) {
    throw new NoObject(`a name in it is not one (${(cause as Error).message.slice(0, 80)})`, { cause })
  }
}
