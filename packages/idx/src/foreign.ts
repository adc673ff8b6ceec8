/** Something that was found in the place of a data file. */
export interface ForeignContent {
  /** 'a web page (HTML)' */
  readonly what: string
  /** 'get the file itself, from another address' */
  readonly remedy: string
}

/** What is often found there, by the characters with which it begins. */
const signatures: readonly (readonly [what: string, remedy: string, starts: string | RegExp])[] = [
  [
    'a Git LFS pointer, which only says where the file is',
    'fetch the file itself with "git lfs pull"',
    /^version https:\/\/git-lfs\.github\.com\/spec\//,
  ],
  [
    'a web page (HTML)',
    'get the file itself; a server may have asked to sign in, or not have it',
    /^\s*(<!--[^]*?-->\s*)*<(!doctype\s+html|html|head|body)\b/i,
  ],
  ['an XML document', "get the file itself; it may be a server's error message", /^\s*<\?xml\b/i],
  ['a JSON document', 'give the data file', /^\s*(\{\s*["}]|\[\s*["{[\]\d-])/],
  ['a zip archive', 'unpack it', 'PK\x03\x04'],
  ['a tar archive', 'unpack it', /^[^]{257}ustar/],
  ['a NumPy array', 'give an IDX file', '\x93NUMPY'],
  ['a PNG picture', 'give the data file', '\x89PNG'],
  ['a Parquet file', 'give an IDX file', 'PAR1'],
]

/**
 * Recognises what was given in place of a data file: a web page, a Git LFS pointer, an archive.
 *
 * @param bytes the file's beginning; 512 bytes are enough
 * @returns undefined if nothing is recognised
 */
export const foreignContent = (bytes: Uint8Array): ForeignContent | undefined => {
  const skipped = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0 // a byte order mark
  const start = String.fromCharCode(...bytes.subarray(skipped, skipped + 512)) // a character for each byte
  const found = signatures.find(([, , starts]) =>
    typeof starts === 'string' ? start.startsWith(starts) : starts.test(start),
  )
  return found && { what: found[0], remedy: found[1] }
}
