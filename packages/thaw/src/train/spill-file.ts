// A file for what does not fit into memory: numbers are appended, and read back by position. Gone when it is disposed of.

import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SpillFile extends AsyncDisposable {
  /** Appends values; gives the place to read them from. */
  append(values: Float32Array): Promise<number>
  read(place: number, length: number): Promise<Float32Array>
}

/** Whether there is a disk: not in a page. */
export const hasDisk: boolean = true

/** Opens a new file in the system's folder for temporary files. */
export async function spillFile(): Promise<SpillFile> {
  const folder = await mkdtemp(join(tmpdir(), 'thaw-spill-'))
  const handle = await open(join(folder, 'values'), 'w+')
  let end = 0
  return {
    async append(values) {
      const place = end
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
      for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at, bytes.length - at, place * 4 + at)).bytesWritten
      end += values.length
      return place
    },
    async read(place, length) {
      const values = new Float32Array(length)
      const bytes = new Uint8Array(values.buffer)
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, place * 4 + at)
        if (bytesRead === 0) throw new Error(`${folder}: the file of cached activations ends at ${place * 4 + at}; was it removed or cut?`)
        at += bytesRead
      }
      return values
    },
    async [Symbol.asyncDispose]() {
      await handle.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
