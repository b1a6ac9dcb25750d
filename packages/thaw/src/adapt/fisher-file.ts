// The Fisher information as a file: it takes a while to compute, and every run with the same checkpoint and text wants the same.

import { readSafetensors } from '../hub/safetensors.js'
import { writeSafetensors } from '../hub/safetensors-write.js'
import type { Backbone } from './backbone.js'

/** Writes what `fisherInformation` gave of this backbone as safetensors, by path. */
export function saveFisher(file: string, fisher: ReadonlyMap<string, Float32Array>, { parameters }: Backbone): Promise<void> {
  const tensors = [...fisher].map(([name, data]) => ({ name, dtype: 'F32' as const, shape: parameters.get(name)!.shape.slice(), data }))
  return writeSafetensors(file, tensors)
}

/** Reads what `saveFisher` wrote. */
export async function readFisher(file: string): Promise<Map<string, Float32Array>> {
  await using saved = await readSafetensors(file)
  const fisher = new Map<string, Float32Array>()
  for (const name of saved.entries.keys()) fisher.set(name, (await saved.read(name)) as Float32Array)
  return fisher
}
