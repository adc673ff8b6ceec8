import {
  Z_BUF_ERROR,
  Z_NO_FLUSH,
  Z_OK,
  Z_STREAM_END,
  ZStream,
  zlibInflate,
  zlibInflateInit2,
  zlibInflateReset,
} from 'pako'
import { called, IdxError } from './format'
import type { Pieces, Reader } from './pieces'

/** Whether bytes start as a gzip file does (1f 8b). */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/** The most bytes that one byte of deflate data can stand for: a match of 258 bytes takes at least 2 bits. */
export const mostInflation = 1032

/** zlib's way to say that 15 bits of window and gzip's frame alone are expected. */
const gzipFrame = 15 + 16

/**
 * Inflates a gzip file into memory of the caller's. A file is a series of members (RFC 1952, section 2.2); zeros between them
 * and behind the last, with which tapes and disks fill their blocks, are skipped. Not by the platform's DecompressionStream:
 * some of them take a second member, or zeros, for damage, others what is not gzip at all for the end.
 */
export class GzipReader implements Reader {
  readonly #source: Pieces
  readonly #name: string | undefined
  readonly #zlib = new ZStream()
  /** 'member' within one, 'between' where a next one may begin, 'end' behind the last. */
  #at: 'member' | 'between' | 'end' = 'member'

  constructor(source: Pieces, name?: string) {
    this.#source = source
    this.#name = name
    zlibInflateInit2(this.#zlib, gzipFrame)
    this.#zlib.input = new Uint8Array(0)
    this.#zlib.next_in = 0
    this.#zlib.avail_in = 0
  }

  /** @throws IdxError if the gzip data are damaged or cut off */
  async fill(target: Uint8Array<ArrayBuffer>): Promise<number> {
    const zlib = this.#zlib
    zlib.output = target
    zlib.next_out = 0
    zlib.avail_out = target.length
    while (zlib.avail_out > 0 && this.#at !== 'end') {
      if (zlib.avail_in === 0 && !(await this.#more())) {
        if (this.#at === 'member') throw this.#damaged('the file ends within them')
        this.#at = 'end'
      } else if (this.#at === 'between') this.#enter()
      else this.#inflate()
    }
    return zlib.next_out
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#source.next()
    if (done || !value) return false
    this.#zlib.input = value
    this.#zlib.next_in = 0
    this.#zlib.avail_in = value.length
    return true
  }

  /** Passes over zeros; what follows them is another member, or damage: zlib then says what is wrong with its header. */
  #enter(): void {
    const zlib = this.#zlib
    while (zlib.avail_in > 0 && zlib.input[zlib.next_in] === 0) {
      zlib.next_in++
      zlib.avail_in--
    }
    if (zlib.avail_in === 0) return
    zlibInflateReset(zlib)
    this.#at = 'member'
  }

  #inflate(): void {
    const status = zlibInflate(this.#zlib, Z_NO_FLUSH)
    if (status === Z_STREAM_END) this.#at = 'between'
    // Z_BUF_ERROR asks for more input or more room, and both come.
    else if (status !== Z_OK && status !== Z_BUF_ERROR) throw this.#damaged(this.#zlib.msg || `zlib says ${status}`)
  }

  #damaged(why: string): IdxError {
    return new IdxError(`the gzip data are damaged or cut off (${why})${called(this.#name)}: get the file again`)
  }
}
