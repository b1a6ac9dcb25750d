// A model by its folder: one that `thaw adapt` wrote, or an adapter that is put onto its base.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { adapterFile, loadAdapter } from '../adapt/adapter/file.js'
import { load, loadTaskModel, type TaskModel, taskModelFrom, withAdapter } from '../adapt/index.js'

/** Opens a model with its task. @throws where an adapter does not say what it was trained on, or its base is not there any more. */
export async function openModel(folder: string, { threads, base }: { threads?: number | undefined; base?: string | undefined }): Promise<TaskModel> {
  const options = threads === undefined ? {} : { threads }
  if (existsSync(join(folder, 'config.json')) || !existsSync(join(folder, adapterFile))) {
    if (base !== undefined) throw new Error(`--base ${base}: ${folder} is no adapter; leave the option out`)
    return loadTaskModel(folder, options)
  }
  const adapter = await loadAdapter(folder)
  const name = base ?? adapter.base.name
  if (name === undefined) throw new Error(`${folder}: the adapter does not say what it was trained on; name the checkpoint by --base`)
  const backbone = await load(name).catch((error: Error) => {
    throw new Error(`${folder}: the adapter was trained on ${name}, which cannot be loaded (${error.message}); name its place by --base`, {
      cause: error,
    })
  })
  return taskModelFrom(await withAdapter(backbone, adapter), options)
}
