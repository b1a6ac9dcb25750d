// A model by its folder or name: one that `thaw adapt` wrote, or an adapter that is put onto its base.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { adapterFile, loadAdapter } from '../adapt/adapter/file.js'
import { type Backbone, type TaskModel, taskModelFrom, withAdapter } from '../adapt/index.js'
import type { HubFlags } from './hub-options.js'
import { loadNamed } from './named-checkpoint.js'

/** How a model is opened. Of an adapter, `hub` says where its base comes from. */
export interface OpenOptions {
  threads?: number | undefined
  base?: string | undefined
  hub: HubFlags
}

/** Opens a model with its task. @throws where {@link openCheckpoint} does, and where the checkpoint is no model of a task. */
export const openModel = (source: string, options: OpenOptions): Promise<TaskModel> =>
  taskModelFrom(openCheckpoint(source, options), options.threads === undefined ? {} : { threads: options.threads })

/** The checkpoint of a model. @throws where an adapter does not say what it was trained on, or its base is not there any more. */
export async function openCheckpoint(source: string, { base, hub }: Omit<OpenOptions, 'threads'>): Promise<Backbone> {
  if (existsSync(join(source, 'config.json')) || !existsSync(join(source, adapterFile))) {
    if (base !== undefined) throw new Error(`--base ${base}: ${source} is no adapter; leave the option out`)
    return loadNamed(source, hub)
  }
  const adapter = await loadAdapter(source)
  const name = base ?? adapter.base.name
  if (name === undefined) throw new Error(`${source}: the adapter does not say what it was trained on; name the checkpoint by --base`)
  // another place has revisions of its own
  const { revision } = base === undefined ? adapter.base : {}
  const backbone = await loadNamed(name, { ...(revision === undefined ? {} : { revision }), ...hub }).catch((error: Error) => {
    throw new Error(`${source}: the adapter was trained on ${name}, which cannot be loaded (${error.message}); name its place by --base`, {
      cause: error,
    })
  })
  return withAdapter(backbone, adapter)
}
