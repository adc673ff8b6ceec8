const kinds: Readonly<Record<string, string>> = {
  json: 'application/json',
  html: 'text/html',
  md: 'text/markdown',
}

/** Hands a file to the reader. */
export const download = (name: string, content: string | Uint8Array): void => {
  const type = kinds[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream'
  const address = URL.createObjectURL(new Blob([content as BlobPart], { type }))
  const link = Object.assign(document.createElement('a'), { href: address, download: name })
  link.click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000) // some browsers read it only after the click
}
