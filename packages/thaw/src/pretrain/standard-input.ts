// Text from standard input can be read only once, but pretraining reads its text twice (for the tokenizer, then as corpus), and again when a run is
// resumed. So it is copied to disk first, and the copy takes its place.

import { randomBytes } from 'node:crypto'
import { copyFile, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

export interface StandardInput extends AsyncDisposable {
  /** The files, the copy in the place of `-`. */
  files: string[]
  /** Moves the copy to where the run keeps its files; afterwards `files` names that place. */
  keep(folder: string): Promise<void>
}

/** Copies standard input to a temporary file where `-` is among the files; otherwise nothing happens. */
export async function copyStandardInput(given: readonly string[], stdin: Readable = process.stdin): Promise<StandardInput> {
  const result: StandardInput = { files: [...given], keep: async () => {}, [Symbol.asyncDispose]: async () => {} }
  if (!given.includes('-')) return result
  const temporary = join(tmpdir(), `thaw-stdin-${process.pid}-${randomBytes(4).toString('hex')}.txt`)
  const name = (path: string) => given.map((file) => (file === '-' ? path : file))
  const file = await open(temporary, 'wx')
  try {
    for await (const piece of stdin) await file.writeFile(piece as Uint8Array)
  } finally {
    await file.close()
  }
  result.files = name(temporary)
  const remove = () => rm(temporary, { force: true })
  result[Symbol.asyncDispose] = remove
  result.keep = async (folder) => {
    const kept = join(folder, 'stdin.txt')
    await copyFile(temporary, kept)
    await remove()
    result.files = name(kept)
  }
  return result
}
