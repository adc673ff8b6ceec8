// What was dropped onto the page: files, or folders, whose files are taken as well.
import type { GivenFile } from '../protocol'

/** More files are in no data set and no run; deeper folders neither. */
const most = { files: 500, depth: 4 }

/**
 * The files of a drop. Must be called while the event is handled: the browser forgets what was dropped afterwards.
 *
 * @throws Error where a folder can't be read, or holds too many files
 */
export const droppedFiles = async (dropped: DataTransfer): Promise<GivenFile[]> => {
  const entries = [...dropped.items].map((item) => (item.kind === 'file' ? item.webkitGetAsEntry() : null))
  const plain = [...dropped.files].map((file) => ({ file, path: file.name }))
  // Files that a script dropped have no entry.
  if (entries.every((entry) => entry === null || entry.isFile)) return plain
  const found: GivenFile[] = []
  const walk = async (entry: FileSystemEntry, depth: number): Promise<void> => {
    if (isFile(entry)) {
      if (found.length >= most.files) throw new Error(`there are more than ${most.files} files in it`)
      const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject))
      found.push({ file, path: entry.fullPath.replace(/^\//, '') })
    } else if (isFolder(entry) && depth < most.depth)
      for (const inner of await entriesOf(entry)) await walk(inner, depth + 1)
  }
  for (const entry of entries) if (entry) await walk(entry, 0)
  return found
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory

/** A reader hands out a hundred entries at a time. */
const entriesOf = async (folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> => {
  const reader = folder.createReader()
  const all: FileSystemEntry[] = []
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return all
    all.push(...some)
  }
}
