// Where checkpoints come from: a hub (its API lists files with sizes and hashes), a plain HTTP server, or a folder of checkpoints. All give the same:
// the files of a checkpoint, and how to get each.

import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { reasonOf, refusal } from './download.js'
import { checkFilePath } from './names.js'

export interface RemoteFile {
  path: string
  url: string
  size?: number
  hash?: { kind: 'sha256' | 'git'; hex: string }
}

export interface RemoteCheckpoint {
  /** The commit, or for sources without versions a word for what is there now. */
  revision: string
  files: RemoteFile[]
}

export interface SourceOptions {
  endpoint: string
  token?: string
  fetch?: typeof fetch
  signal?: AbortSignal
  /** See {@link downloadFile}. */
  attempts?: number
  patience?: number
  idle?: number
}

const encoded = (path: string) => path.split('/').map(encodeURIComponent).join('/')

/** Fetches what a server knows (no files): with the token, asked again where it is busy, and given up where it stays silent. */
function asking({ endpoint, token, fetch: get = fetch, signal, attempts = 5, patience = 500, idle = 30_000 }: SourceOptions): typeof fetch {
  return async (url, init) => {
    // a list goes on at the address that its last page names, which may be anybody's
    const home = new URL(String(url)).origin === new URL(endpoint).origin
    const headers = { ...(init?.headers as Record<string, string>), ...(token && home ? { Authorization: `Bearer ${token}` } : {}) }
    for (let left = attempts; ; left--) {
      const silence = AbortSignal.timeout(idle)
      const response = await get(url, { ...init, headers, signal: signal ? AbortSignal.any([signal, silence]) : silence }).catch((cause: Error) => {
        signal?.throwIfAborted()
        const why = silence.aborted ? `nothing came for ${idle / 1000} s` : reasonOf(cause)
        throw new Error(`${endpoint}: cannot be reached (${why}); work offline with a folder, or name another endpoint`, { cause })
      })
      if ((response.status < 500 && response.status !== 429) || left <= 1) return response
      await response.body?.cancel()
      await setTimeout(patience * 2 ** (attempts - left), undefined, signal ? { signal } : {})
    }
  }
}

/**
 * The files of a checkpoint on a hub that speaks Hugging Face's protocol, or on a plain HTTP server below the endpoint.
 *
 * @throws where there is none of that name, or the server refuses.
 */
export async function remoteFiles(name: string, revision: string, options: SourceOptions): Promise<RemoteCheckpoint> {
  const { endpoint, token } = options
  const ask = asking(options)
  const request = (url: string) => ask(url, { headers: { Accept: 'application/json' } })
  const info = await request(`${endpoint}/api/models/${encoded(name)}/revision/${encodeURIComponent(revision)}`)
  const json = info.ok && info.headers.get('content-type')?.includes('json') ? ((await info.json()) as { sha?: unknown }) : undefined
  if (typeof json?.sha === 'string' && /^[0-9a-f]{6,64}$/.test(json.sha)) return hubFiles(name, json.sha, endpoint, ask)
  if (info.status === 401 || info.status === 403) throw refusal(info.status, `${endpoint}/${name}`, token !== undefined)
  return plainFiles(name, options, request)
}

async function hubFiles(name: string, sha: string, endpoint: string, ask: typeof fetch): Promise<RemoteCheckpoint> {
  const { listFiles } = await import('@huggingface/hub')
  const files: RemoteFile[] = []
  const where = `${endpoint}/${name}`
  // the library takes Hugging Face's own tokens only, other servers have others: the token comes with our fetch
  for await (const entry of listFiles({ repo: name, revision: sha, recursive: true, hubUrl: endpoint, fetch: ask })) {
    if (entry.type !== 'file') continue
    checkFilePath(entry.path, where)
    const hash = entry.lfs ? ({ kind: 'sha256', hex: entry.lfs.oid } as const) : entry.oid ? ({ kind: 'git', hex: entry.oid } as const) : undefined
    files.push({ path: entry.path, url: `${where}/resolve/${sha}/${encoded(entry.path)}`, size: entry.size, ...(hash ? { hash } : {}) })
  }
  return { revision: sha, files }
}

/** The list that `push` writes into a registry, so that a plain server's files can be checked: lines of `sha256sum`. */
export const sumsFile = 'SHA256SUMS'

/** Files that a checkpoint may have, asked for by name where a server has no list. */
const usual = [
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'vocab.txt',
  'special_tokens_map.json',
  'model.safetensors',
  'model.safetensors.index.json',
  'README.md',
]

async function plainFiles(name: string, { endpoint, token }: SourceOptions, request: (url: string) => Promise<Response>): Promise<RemoteCheckpoint> {
  const base = `${endpoint}/${encoded(name)}`
  const sums = await request(`${base}/${sumsFile}`)
  if (sums.ok) {
    const files = parseSums(await sums.text(), `${base}/${sumsFile}`)
    return { revision: 'plain', files: files.map(({ path, hex }) => ({ path, url: `${base}/${encoded(path)}`, hash: { kind: 'sha256', hex } })) }
  }
  const config = await request(`${base}/config.json`)
  if (!config.ok) throw refusal(config.status, `${base}/config.json`, token !== undefined)
  const files: RemoteFile[] = []
  for (const path of [...usual, ...(await shardsOf(base, request))]) {
    const found = await request(`${base}/${path}`)
    await found.body?.cancel()
    if (found.ok)
      files.push({
        path,
        url: `${base}/${path}`,
        ...(found.headers.has('content-length') ? { size: Number(found.headers.get('content-length')) } : {}),
      })
  }
  return { revision: 'plain', files }
}

/** The weight files that a sharded checkpoint's index names. */
async function shardsOf(base: string, request: (url: string) => Promise<Response>): Promise<string[]> {
  const url = `${base}/model.safetensors.index.json`
  const index = await request(url)
  if (!index.ok) return []
  const { weight_map: map = {} } = (await index.json().catch((cause: Error) => {
    throw new Error(`${url}: not JSON (${cause.message})`, { cause })
  })) as { weight_map?: Record<string, unknown> }
  const shards = [...new Set(Object.values(map).map(String))]
  for (const shard of shards) checkFilePath(shard, url)
  return shards
}

/** Lines of `sha256sum`: a hash, two blanks, a path. @throws naming the line that is none. */
export function parseSums(text: string, where: string): { path: string; hex: string }[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return []
    const found = /^([0-9a-f]{64}) [ *](.+)$/.exec(line)
    if (!found) throw new Error(`${where}, line ${i + 1}: expected a SHA-256 and a path, found ${JSON.stringify(line.slice(0, 80))}`)
    checkFilePath(found[2]!, where)
    return [{ hex: found[1]!, path: found[2]! }]
  })
}

/** The names in a registry folder, or on a plain server that lists them in index.json. */
export async function registryNames(folder: string): Promise<string[]> {
  const names: string[] = []
  const look = async (prefix: string, depth: number): Promise<void> => {
    for (const entry of await readdir(join(folder, prefix), { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name.startsWith('.')) continue
      const name = prefix ? `${prefix}/${entry.name}` : entry.name
      const isCheckpoint = await readFile(join(folder, name, 'config.json')).then(
        () => true,
        () => false,
      )
      if (isCheckpoint) names.push(name)
      else if (depth < 1) await look(name, depth + 1)
    }
  }
  await look('', 0)
  return names.sort()
}

/** The names of checkpoints in a cache of the hub's layout, whole ones only. */
export async function cachedNames(cache: string): Promise<string[]> {
  const entries = await readdir(cache).catch(() => [])
  return entries
    .filter((entry) => entry.startsWith('models--') && existsSync(join(cache, entry, 'refs')))
    .map((entry) => entry.slice('models--'.length).replaceAll('--', '/'))
    .sort()
}
