// Safetensors files on disk, read by position through one file handle.
import { type FileHandle, open } from 'node:fs/promises'
import { openSafetensors, type SafetensorsFile } from './safetensors-open.js'

export type { SafetensorsFile } from './safetensors-open.js'

/** One read call takes at most this much; the system's limit is just under 2 GiB. */
const readBytes = 1 << 28

/**
 * Opens a safetensors file and checks its header (see `parseHeader` for what can be wrong with it).
 *
 *     await using file = await readSafetensors('model.safetensors')
 *     file.entries.get('wte.weight')?.shape  // [50257, 768]
 *     await file.read('wte.weight')          // Float32Array(38597376)
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  const handle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    return await openSafetensors(path, {
      size,
      fill: (target, position, where) => fill(handle, target, position, where),
      close: () => handle.close(),
    })
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Reads until `target` is full: one call may return less. */
async function fill(handle: FileHandle, target: Uint8Array, position: number, where: string): Promise<void> {
  for (let at = 0; at < target.length; ) {
    const { bytesRead } = await handle.read(target, at, Math.min(target.length - at, readBytes), position + at)
    if (bytesRead === 0) throw new Error(`${where}: the file ends at byte ${position + at}; it was cut off while it was being read. Read it again.`)
    at += bytesRead
  }
}
