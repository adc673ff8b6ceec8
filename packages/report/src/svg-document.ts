// As much of a document as Observable Plot builds a chart with: elements, attributes, text. The same in Node, a page and a worker,
// where there may be no document, so that a run gives the same bytes everywhere.

const svgNamespace = 'http://www.w3.org/2000/svg'

const escapes: Readonly<Record<string, string>> = { '\xa0': '&#160;', '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const escaped = (text: string): string => text.replace(/[<>&\xa0]/g, (character) => escapes[character] ?? character)

type SvgNode = SvgElement | SvgText

class SvgText {
  parentNode: SvgElement | null = null
  constructor(public data: string) {}

  get textContent(): string {
    return this.data
  }

  remove(): void {
    this.parentNode?.removeChild(this)
  }

  get outerHTML(): string {
    return escaped(this.data)
  }
}

export class SvgElement {
  parentNode: SvgElement | null = null
  readonly childNodes: SvgNode[] = []
  readonly #attributes = new Map<string, string>()

  constructor(
    readonly ownerDocument: SvgDocument,
    readonly namespaceURI: string,
    readonly localName: string,
  ) {}

  get children(): SvgElement[] {
    return this.childNodes.filter((node) => node instanceof SvgElement)
  }

  /** All below, in the order of the document. */
  get descendants(): SvgElement[] {
    return this.children.flatMap((child) => [child, ...child.descendants])
  }

  get firstChild(): SvgNode | null {
    return this.childNodes[0] ?? null
  }

  get nextSibling(): SvgNode | null {
    const siblings = this.parentNode?.childNodes ?? []
    return siblings[siblings.indexOf(this) + 1] ?? null
  }

  get ownerSVGElement(): SvgElement | null {
    return this.parentNode && (this.parentNode.ownerSVGElement ?? this.parentNode)
  }

  getAttribute(name: string): string | null {
    return this.#attributes.get(name) ?? null
  }

  hasAttribute(name: string): boolean {
    return this.#attributes.has(name)
  }

  setAttribute(name: string, value: unknown): void {
    this.#attributes.set(name, String(value))
  }

  setAttributeNS(_: string | null, name: string, value: unknown): void {
    this.setAttribute(name, value)
  }

  removeAttribute(name: string): void {
    this.#attributes.delete(name)
  }

  insertBefore<T extends SvgNode>(node: T, before: SvgNode | null): T {
    node.remove()
    const at = before === null ? -1 : this.childNodes.indexOf(before)
    this.childNodes.splice(at < 0 ? this.childNodes.length : at, 0, node)
    node.parentNode = this
    return node
  }

  appendChild<T extends SvgNode>(node: T): T {
    return this.insertBefore(node, null)
  }

  append(...nodes: readonly (SvgNode | string)[]): void {
    for (const node of nodes) this.appendChild(typeof node === 'string' ? new SvgText(node) : node)
  }

  removeChild<T extends SvgNode>(node: T): T {
    const at = this.childNodes.indexOf(node)
    if (at >= 0) this.childNodes.splice(at, 1)
    node.parentNode = null
    return node
  }

  remove(): void {
    this.parentNode?.removeChild(this)
  }

  get textContent(): string {
    return this.childNodes.map((node) => node.textContent).join('')
  }

  set textContent(text: string | number | null) {
    for (const node of [...this.childNodes]) node.remove()
    if (text !== null && text !== '') this.append(String(text))
  }

  /** As markup; what was set last stands first, an order as good as any that figures have had from the start. */
  get outerHTML(): string {
    const attributes = [...this.#attributes]
      .reverse()
      .map(([name, value]) => ` ${name}="${escaped(value).replaceAll('"', '&quot;')}"`)
    const open = `<${this.localName}${attributes.join('')}`
    if (this.childNodes.length === 0) return `${open} />`
    return `${open}>${this.childNodes.map((node) => node.outerHTML).join('')}</${this.localName}>`
  }
}

export class SvgDocument {
  readonly documentElement = this.createElementNS(svgNamespace, 'svg')

  createElementNS(namespace: string, name: string): SvgElement {
    return new SvgElement(this, namespace, name)
  }

  createTextNode(text: string): SvgText {
    return new SvgText(text)
  }
}
