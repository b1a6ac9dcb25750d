// From a name to a folder: what a checkpoint needs is downloaded once into a cache with the layout of Hugging Face's own (models--OWNER--NAME/snapshots/COMMIT),
// so that what Python has fetched serves here, and the other way round.

import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve, sep } from 'node:path'
import { type DownloadOptions, downloadFile } from './download.js'
import { checkRemoteName, checkRevision } from './names.js'
import { proxiedFetch } from './proxy.js'
import { type RemoteFile, remoteFiles } from './sources.js'

export interface HubOptions {
  /** A hub, or a plain HTTP server with checkpoint folders. Default HF_ENDPOINT, else https://huggingface.co. */
  endpoint?: string
  /** A folder of checkpoints (`FOLDER/owner/name`), looked at first, but for a revision. Default THAW_REGISTRY. */
  registry?: string
  /** Default HF_TOKEN. */
  token?: string
  /** A branch, a tag or a commit. Default main. */
  revision?: string
  /** Default HF_HUB_CACHE, else HF_HOME/hub, else ~/.cache/huggingface/hub. */
  cache?: string
  /** Ask no server: only what is in the cache or the registry. Default where HF_HUB_OFFLINE is 1 (or true, yes, on). */
  offline?: boolean
  /** An HTTP proxy, like http://NAME:PASSWORD@HOST:PORT. Default HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, but for what NO_PROXY lists. */
  proxy?: string
  /** Another fetch than that with a proxy. */
  fetch?: typeof fetch
  signal?: AbortSignal
  /** Hears of each file's progress. */
  onProgress?: (progress: { path: string; bytes: number; size: number | undefined }) => void
  /** For tests: see {@link downloadFile}. */
  attempts?: number
  patience?: number
  idle?: number
}

/** Where pulled checkpoints are, unless told otherwise: Hugging Face's own cache. */
export const cacheFolder = (): string =>
  process.env.HF_HUB_CACHE ?? join(process.env.HF_HOME ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface'), 'hub')

/** Whether HF_HUB_OFFLINE says so, in one of the words that Hugging Face's own library takes. */
export const offlineByEnvironment = (): boolean => /^(1|true|yes|on)$/i.test(process.env.HF_HUB_OFFLINE ?? '')

/** Files that a checkpoint is loaded from; models in other formats, images and logs stay where they are. */
const needed =
  /^(config\.json|tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json|vocab\.(txt|json)|merges\.txt|encoder\.json|vocab\.bpe|README\.md|model\.safetensors|model\.safetensors\.index\.json|model-\d{5}-of-\d{5}\.safetensors)$/

/**
 * The folder of a checkpoint, downloaded where it is not there yet.
 *
 *     await pull('sentence-transformers/all-MiniLM-L6-v2')   // ~/.cache/huggingface/hub/models--…/snapshots/…
 *
 * @throws where the name is none, the source has no such checkpoint or refuses, or offline nothing is there.
 */
export async function pull(name: string, options: HubOptions = {}): Promise<string> {
  checkRemoteName(name)
  const { revision = 'main', cache = cacheFolder(), registry = process.env.THAW_REGISTRY } = options
  checkRevision(revision)
  // a registry has no revisions: one that is asked for is not what happens to be there
  if (registry && revision === 'main' && existsSync(join(registry, name, 'config.json'))) return join(registry, name)
  const storage = join(cache, `models--${name.replace('/', '--')}`)
  const offline = options.offline ?? offlineByEnvironment()
  if (offline) return cached(storage, name, revision)
  const endpoint = (options.endpoint ?? process.env.HF_ENDPOINT ?? 'https://huggingface.co').replace(/\/+$/, '')
  const token = options.token ?? process.env.HF_TOKEN
  const request = {
    ...(token ? { token } : {}),
    fetch: options.fetch ?? proxiedFetch({ proxy: options.proxy }),
    ...(options.signal ? { signal: options.signal } : {}),
  }
  const remote = await remoteFiles(name, revision, { endpoint, ...request, ...retries(options) })
  const wanted = remote.files.filter(({ path }) => needed.test(path))
  refuseWithoutWeights(wanted, remote.files, { where: `${endpoint}/${name}`, name })
  const snapshot = join(storage, 'snapshots', remote.revision)
  for (const file of wanted) await fetchInto(snapshot, file, { ...request, ...retries(options) }, options.onProgress)
  await writeWhole(join(storage, 'refs', revision), remote.revision)
  return snapshot
}

const retries = ({ attempts, patience, idle }: HubOptions): DownloadOptions => ({
  ...(attempts === undefined ? {} : { attempts }),
  ...(patience === undefined ? {} : { patience }),
  ...(idle === undefined ? {} : { idle }),
})

async function fetchInto(folder: string, file: RemoteFile, options: DownloadOptions, onProgress: HubOptions['onProgress']): Promise<void> {
  const target = join(folder, file.path)
  // the path was checked when the list came; that it stays inside is checked once more where it is written
  if (!resolve(target).startsWith(resolve(folder) + sep)) throw new Error(`${file.path}: leads out of ${folder}; nothing was written`)
  if (existsSync(target)) return
  await downloadFile({ ...file, target }, { ...options, onBytes: (bytes) => onProgress?.({ path: file.path, bytes, size: file.size }) })
}

function refuseWithoutWeights(wanted: readonly RemoteFile[], all: readonly RemoteFile[], { where, name }: { where: string; name: string }): void {
  if (!wanted.some(({ path }) => path === 'config.json')) throw new Error(`${where}: it has no config.json: this is no checkpoint of a model`)
  if (wanted.some(({ path }) => path.endsWith('.safetensors'))) return
  const pickle = all.find(({ path }) => path.endsWith('.bin'))
  throw new Error(
    pickle
      ? `${where}: its weights are only there as ${pickle.path}, a Python pickle, which runs whatever code it contains when it is read. Look for a revision with model.safetensors (often refs/pr/1: thaw hub pull ${name} --revision refs/pr/1), or convert it once in Python: model.save_pretrained('folder', safe_serialization=True)`
      : `${where}: it has no model.safetensors; only safetensors are loaded`,
  )
}

async function cached(storage: string, name: string, revision: string): Promise<string> {
  const commit = await readFile(join(storage, 'refs', revision), 'utf8').then(
    (text) => text.trim(),
    () => revision,
  )
  const folder = join(storage, 'snapshots', commit)
  if (existsSync(join(folder, 'config.json'))) return folder
  const [what, how] = revision === 'main' ? ['it', ''] : [`its revision ${revision}`, ` --revision ${revision}`]
  throw new Error(
    `${name}: offline, and ${what} is not in the cache (${storage}); pull it once while online: thaw hub pull ${name}${how}, or give a folder`,
  )
}

async function writeWhole(path: string, text: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(`${path}.new`, text)
  await rename(`${path}.new`, path)
}
