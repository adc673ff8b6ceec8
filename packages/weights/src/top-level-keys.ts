/**
 * The names in a JSON object, in the order in which they stand in the text and as often: JSON.parse keeps the last of two
 * that are the same, and puts those that look like numbers first.
 *
 * @param json text that JSON.parse has taken for an object
 */
export const topLevelKeys = (json: string): string[] => {
  const keys: string[] = []
  let depth = 0
  let keyIsNext = false
  // A loop, not a regular expression or a recursion: a hostile text may be long or deep enough to run either out of stack.
  for (let at = 0; at < json.length; at++) {
    const letter = json[at]
    if (letter === '{' || letter === '[') keyIsNext = ++depth === 1
    else if (letter === '}' || letter === ']') depth--
    else if (letter === ',' && depth === 1) keyIsNext = true
    else if (letter === '"') {
      const from = at++
      while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1
      if (keyIsNext) keys.push(JSON.parse(json.slice(from, at + 1)) as string)
      keyIsNext = false
    }
  }
  return keys
}
