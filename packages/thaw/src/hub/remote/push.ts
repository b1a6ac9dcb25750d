// Sharing a checkpoint with one command: into a registry folder (a plain HTTP server over it serves `pull`), or to a hub.

import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { replaceFolder } from '../replace-folder.js'
import { reasonOf } from './download.js'
import { checkRemoteName } from './names.js'
import { sumsFile } from './sources.js'

/** What belongs to a checkpoint; a run's own state and logs stay at home. */
const shared =
  /^(config\.json|tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json|vocab\.txt|README\.md|model[\w.-]*\.safetensors(\.index\.json)?|onnx\/[\w.-]+\.onnx)$/

async function checkpointFiles(folder: string): Promise<string[]> {
  if (!existsSync(join(folder, 'config.json'))) throw new Error(`${folder}: no config.json; give the folder of a checkpoint`)
  const entries = (await readdir(folder, { recursive: true })).map((path) => path.replaceAll('\\', '/'))
  return entries.filter((path) => shared.test(path)).sort()
}

/** Copies a checkpoint into a registry folder under its name, with a list of hashes; what stood there is replaced at once. Returns the new folder. */
export async function pushToRegistry(folder: string, name: string, registry: string): Promise<string> {
  checkRemoteName(name)
  const files = await checkpointFiles(folder)
  const target = join(registry, name)
  await mkdir(dirname(target), { recursive: true })
  await replaceFolder(
    target,
    async (temporary) => {
      const sums: string[] = []
      for (const path of files) {
        await mkdir(dirname(join(temporary, path)), { recursive: true })
        await copyFile(join(folder, path), join(temporary, path))
        const digest = createHash('sha256')
        for await (const chunk of createReadStream(join(folder, path))) digest.update(chunk as Buffer)
        sums.push(`${digest.digest('hex')}  ${path}\n`)
      }
      await writeFile(join(temporary, sumsFile), sums.join(''))
    },
    () => false,
  )
  return target
}

/**
 * Uploads a checkpoint to a hub, as one commit; the repository is made where there is none.
 *
 * @throws without a token or an owner, and where the hub refuses.
 */
export async function pushToHub(
  folder: string,
  name: string,
  options: { endpoint: string; token: string | undefined; message?: string; private?: boolean; fetch?: typeof fetch },
): Promise<string> {
  checkRemoteName(name)
  const { token, message = 'Upload checkpoint', fetch: get = fetch } = options
  const endpoint = options.endpoint.replace(/\/+$/, '')
  if (!name.includes('/')) throw new Error(`${name}: a checkpoint on a hub belongs to somebody: owner/${name}`)
  if (!token) throw new Error(`pushing ${name} to ${endpoint} needs a token with the right to write: set HF_TOKEN, or give one`)
  const files = await checkpointFiles(folder)
  const { createRepo, repoExists, uploadFiles } = await import('@huggingface/hub')
  // the library takes Hugging Face's own tokens only, other servers have others: the token comes with our fetch, and goes to the hub alone
  // (stores of large files have tokens of their own, which the library knows)
  const authorized: typeof fetch = (url, init) =>
    new URL(String(url)).origin === new URL(endpoint).origin
      ? get(url, { ...init, headers: { ...(init?.headers as Record<string, string>), Authorization: `Bearer ${token}` } })
      : get(url, init)
  const common = { repo: name, hubUrl: endpoint, fetch: authorized }
  try {
    if (!(await repoExists(common))) await createRepo({ ...common, accessToken: 'hf_', private: options.private ?? false })
    await uploadFiles({ ...common, commitTitle: message, files: files.map((path) => ({ path, content: pathToFileURL(resolve(folder, path)) })) })
  } catch (cause) {
    const { statusCode } = cause as { statusCode?: number }
    if (statusCode === 401 || statusCode === 403)
      throw new Error(`${endpoint}/${name}: refused (status ${statusCode}): the token may have expired, or lacks the right to write there`, { cause })
    throw new Error(`${endpoint}/${name}: not pushed: ${reasonOf(cause as Error)}; nothing there has changed, push again`, {
      cause,
    })
  }
  return `${endpoint}/${name}`
}
