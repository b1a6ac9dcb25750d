// Sharing a checkpoint with one command: into a registry folder (a plain HTTP server over it serves `pull`), or to a hub.

import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { replaceFolder } from '../replace-folder.js'
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
 * @throws without a token.
 */
export async function pushToHub(
  folder: string,
  name: string,
  options: { endpoint: string; token: string | undefined; message?: string; private?: boolean },
): Promise<string> {
  checkRemoteName(name)
  const { endpoint, token, message = 'Upload checkpoint' } = options
  if (!token) throw new Error(`pushing ${name} to ${endpoint} needs a token with the right to write: set HF_TOKEN, or give one`)
  const files = await checkpointFiles(folder)
  const { createRepo, repoExists, uploadFiles } = await import('@huggingface/hub')
  const common = { repo: name, accessToken: token, hubUrl: endpoint }
  if (!(await repoExists(common))) await createRepo({ ...common, private: options.private ?? false })
  await uploadFiles({ ...common, commitTitle: message, files: files.map((path) => ({ path, content: pathToFileURL(join(folder, path)) })) })
  return `${endpoint}/${name}`
}
