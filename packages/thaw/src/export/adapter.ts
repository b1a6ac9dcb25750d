// A classifier's adapter alone: the small file that Thaw puts onto the backbone again and, for low-rank updates, PEFT's two files beside it.

import { adapterOf, baseName } from '../adapt/adapter/adapter.js'
import { saveAdapter, savePeft } from '../adapt/adapter/file.js'
import type { Backbone } from '../adapt/backbone.js'

/** Writes the files into a folder. Returns what one should know about them. @throws where there is no adapter to take: everything was trained. */
export async function writeAdapterFolder(folder: string, classifier: Backbone): Promise<string[]> {
  const adapter = await adapterOf(classifier)
  await saveAdapter(folder, adapter)
  const base = baseName(adapter) ?? 'the checkpoint it was trained on'
  const insertions = (adapter.details.recipe?.ingredients ?? []).filter(({ kind }) => kind === 'insertion')
  if (insertions.length === 0 || insertions.some(({ name }) => name !== 'lora'))
    return [`the adapter belongs on ${base}; Python's peft has no layout for it (only for low-rank updates)`]
  try {
    await savePeft(folder, adapter)
    return [`the adapter belongs on ${base}; adapter_config.json and adapter_model.safetensors are for Python's peft, without the head`]
  } catch (error) {
    return [`the adapter belongs on ${base}; not in PEFT's layout: ${(error as Error).message}`]
  }
}
