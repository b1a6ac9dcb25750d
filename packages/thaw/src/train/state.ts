// The state of a training run on disk: parameters, optimizer and where it stands, in one file that is replaced at once. A run that is killed at
// any moment finds the last complete state and goes on bit for bit as if nothing had happened.

import { createHash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Store } from '@thaw/tensor'
import { readSafetensors } from '../hub/safetensors.js'
import { type TensorToWrite, writeSafetensors } from '../hub/safetensors-write.js'

const file = 'training.safetensors'

/** Removes what a run that was killed while it was saving left half written. One process at a time works on a run. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) if (name.startsWith(`.${file}.writing-`)) await rm(join(folder, name), { force: true })
}

/** Writes the stores' tensors, as `store/path`, and what else a resumed run has to know. */
export async function saveTrainingState(folder: string, stores: Readonly<Record<string, Store>>, position: unknown): Promise<void> {
  const tensors: TensorToWrite[] = []
  for (const [name, store] of Object.entries(stores))
    for (const { path, dtype, shape } of await store.describe()) {
      if (dtype !== 'f32' && dtype !== 'i32') throw new Error(`${name}/${path}: ${dtype} tensors cannot be saved in a training state`)
      tensors.push({
        name: `${name}/${path}`,
        dtype: dtype === 'f32' ? 'F32' : 'I32',
        shape: [...shape],
        data: (await store.read(path)) as Float32Array | Int32Array,
      })
    }
  await writeSafetensors(`${folder}/${file}`, tensors, { position: JSON.stringify(position) })
}

/**
 * Reads what {@link saveTrainingState} wrote back into stores that hold the same tensors; returns the position, or undefined where nothing was saved.
 *
 * @throws where the file has other tensors than the stores: it belongs to another configuration.
 */
export async function loadTrainingState<T>(folder: string, stores: Readonly<Record<string, Store>>): Promise<T | undefined> {
  const path = `${folder}/${file}`
  await removeLeftovers(folder)
  const saved = await readSafetensors(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return undefined
    throw error
  })
  if (!saved) return undefined
  try {
    for (const [name, store] of Object.entries(stores))
      for (const tensor of await store.describe()) {
        const entry = saved.entries.get(`${name}/${tensor.path}`)
        if (!entry || String(entry.shape) !== String(tensor.shape))
          throw new Error(
            `${path}: ${name}/${tensor.path} is [${entry?.shape ?? 'absent'}], the run needs [${tensor.shape}]: the state belongs to another configuration; start anew in another folder`,
          )
        await store.write(tensor.path, (await saved.read(entry === undefined ? '' : `${name}/${tensor.path}`)) as Float32Array)
      }
    return JSON.parse(saved.metadata.position ?? 'null') as T
  } finally {
    await saved.close()
  }
}

/** Removes the state of a run that has ended. */
export async function removeTrainingState(folder: string): Promise<void> {
  await removeLeftovers(folder)
  await rm(`${folder}/${file}`, { force: true })
}

/** A short text that tells whether another text was the same: SHA-256. */
export const digest = (text: string): string => createHash('sha256').update(text).digest('hex')
