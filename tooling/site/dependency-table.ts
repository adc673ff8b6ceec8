// A flowchart of packages as a table. GitHub draws Mermaid itself; here it would bring 70 MB to draw one picture.
import { markdownTable } from '@digitlab/report'

/** The nodes and arrows of a Mermaid flowchart, `a["what it is"]` and `a --> b & c`, as a Markdown table. */
export const dependencyTable = (source: string): string => {
  const says = new Map([...source.matchAll(/([\w-]+)\["([^"]+)"\]/g)].map(([, id = '', label = '']) => [id, label]))
  const uses = new Map<string, string[]>()
  for (const [, from = '', to = ''] of source.matchAll(/^\s*([\w& -]+?) --> ([\w& -]+)$/gm))
    for (const id of from.split(' & ')) uses.set(id.trim(), [...(uses.get(id.trim()) ?? []), ...to.trim().split(' & ')])
  const rows = [...new Set([...says.keys(), ...uses.keys()])].map((id) => {
    const label = says.get(id)?.replace(new RegExp(`^${id}: `), '')
    return [id, label ?? '', uses.get(id)?.join(', ') ?? '']
  })
  return markdownTable(
    [
      { heading: 'package', align: 'left' },
      { heading: 'what it is', align: 'left' },
      { heading: 'uses', align: 'left' },
    ],
    rows,
  )
}
