// A checkpoint by its name, as commands are given it: a folder, a package, what is on this machine already, or what is pulled from a hub, with a bar.

import { type Backbone, load } from '../adapt/backbone.js'
import { localCheckpoint } from '../hub/checkpoint-folder.js'
import { pull } from '../hub/remote/pull.js'
import { duration } from '../log/format.js'
import { progress } from '../log/progress.js'
import type { HubFlags } from './hub-options.js'
import { say } from './screen.js'

/** A checkpoint's name, and the folder it is read from. */
export interface ChosenCheckpoint {
  name: string
  folder: string
  /** The branch, tag or commit that was asked for. */
  revision?: string
}

/**
 * The folder of a checkpoint that was named: itself, a package, what is in the cache (without a network), or what is pulled.
 *
 * @throws where there is neither a folder nor a checkpoint of the name.
 */
export async function namedCheckpoint(name: string, hub: HubFlags): Promise<ChosenCheckpoint> {
  const local = localCheckpoint(name, hub)
  if (local !== undefined) return { name, folder: local }
  const revision = hub.revision === undefined ? {} : { revision: hub.revision }
  const here = await onThisMachine(name, hub)
  if (here !== undefined) return { name, folder: here, ...revision }
  try {
    return { name, folder: await pullWithProgress(name, hub), ...revision }
  } catch (error) {
    throw new Error(`${name}: there is no folder of this name; as the name of a checkpoint on a hub: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * The folders of several checkpoints, by the option that names each; options that name none are left out.
 *
 * @throws as {@link namedCheckpoint}, and where a revision is asked for that could be one of several.
 */
export async function namedFolders<K extends string>(
  asked: Readonly<Record<K, string | undefined>>,
  hub: HubFlags,
): Promise<Partial<Record<K, string>>> {
  const { revision, ...others } = hub
  const named = (Object.entries(asked) as [K, string | undefined][]).filter((each): each is [K, string] => each[1] !== undefined)
  const remote = named.filter(([, name]) => localCheckpoint(name) === undefined)
  if (revision !== undefined && remote.length !== 1) {
    const options = (remote.length > 0 ? remote.map(([option]) => option) : Object.keys(asked)).map((option) => `--${option}`)
    throw new Error(
      `--revision ${revision}: ${remote.length > 1 ? `${options.join(' and ')} both name` : `neither ${options.join(' nor ')} names`} a checkpoint on a hub; pull it first, and give the folder that is printed: thaw hub pull NAME --revision ${revision}`,
    )
  }
  const folders: Partial<Record<K, string>> = {}
  for (const [option, name] of named) folders[option] = (await namedCheckpoint(name, remote.some(([each]) => each === option) ? hub : others)).folder
  return folders
}

/** Loads a checkpoint that was named; errors call it by its name. */
export async function loadNamed(name: string, hub: HubFlags): Promise<Backbone> {
  return loadChosen(await namedCheckpoint(name, hub))
}

/** Loads what was chosen. */
export const loadChosen = async ({ name, folder, revision }: ChosenCheckpoint): Promise<Backbone> => ({
  ...(await load(folder)),
  source: name,
  ...(revision === undefined ? {} : { revision }),
})

/** The folder of a checkpoint of a hub, if it needs no server; undefined otherwise. */
export const onThisMachine = (name: string, hub: HubFlags): Promise<string | undefined> =>
  pull(name, { ...hub, offline: true }).catch(() => undefined)

/** Pulls with a bar for each file that takes time. */
export async function pullWithProgress(name: string, hub: HubFlags): Promise<string> {
  const started = performance.now()
  const bars = new Map<string, ReturnType<typeof progress>>()
  const folder = await pull(name, {
    ...hub,
    onProgress({ path, bytes, size }) {
      if (size === undefined || size < 2 ** 20) return
      const bar = bars.get(path) ?? progress(process.stderr, { label: path, total: Math.round(size / 1e6), unit: 'MB' })
      bars.set(path, bar)
      bar.update(Math.round(bytes / 1e6))
      if (bytes === size) bar.done()
    },
  })
  if (bars.size > 0) say(`${name}: in ${folder}, ${duration((performance.now() - started) / 1000)}`)
  return folder
}
