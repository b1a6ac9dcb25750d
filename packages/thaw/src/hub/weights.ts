// The weight files of a checkpoint folder: one model.safetensors, or shards listed in model.safetensors.index.json.
// PyTorch's own pickle files are refused, as reading them means running the code inside.
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Weights } from './checkpoint-open.js'
import { asObject, field } from './fields.js'
import { exists } from './replace-folder.js'
import { readSafetensors, type SafetensorsFile } from './safetensors.js'

/** Opens all weights of a folder and checks that shards and index agree. */
export async function openWeights(folder: string): Promise<Weights> {
  const single = join(folder, 'model.safetensors')
  if (await exists(single)) return openAll([single])
  const indexFile = join(folder, 'model.safetensors.index.json')
  if (await exists(indexFile)) return openShards(folder, indexFile)
  for (const pickle of ['pytorch_model.bin', 'pytorch_model.bin.index.json']) {
    if (await exists(join(folder, pickle))) {
      throw new Error(
        `${folder}: the weights are only there as ${pickle}, a Python pickle, which runs whatever code it contains when it is read; it is not opened. ` +
          "Get model.safetensors of the same model, or convert it once in Python: model.save_pretrained('folder', safe_serialization=True).",
      )
    }
  }
  throw new Error(
    `${folder}: no weights; expected model.safetensors, or model.safetensors.index.json with its shards. Download or save the checkpoint again.`,
  )
}

async function openAll(paths: Iterable<string>): Promise<Weights> {
  const opened: SafetensorsFile[] = []
  const close = async () => {
    await Promise.all(opened.map((file) => file.close()))
  }
  const files = new Map<string, SafetensorsFile>()
  try {
    for (const path of paths) {
      const file = await readSafetensors(path)
      opened.push(file)
      for (const name of file.entries.keys()) {
        const other = files.get(name)
        if (other) throw new Error(`${path}: tensor '${name}' is also in ${basename(other.path)}; remove one of the shards`)
        files.set(name, file)
      }
    }
    return { files, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function openShards(folder: string, indexFile: string): Promise<Weights> {
  let parsed: unknown
  try {
    parsed = JSON.parse(await readFile(indexFile, 'utf8'))
  } catch (error) {
    throw new Error(`${indexFile}: not JSON (${(error as Error).message}). Download or save it again.`, { cause: error })
  }
  const listed = Object.entries(asObject(field(asObject(parsed, indexFile), 'weight_map'), `${indexFile}: weight_map`))
  const shards = new Set<string>()
  for (const [name, shard] of listed) {
    if (typeof shard !== 'string' || !/^[^/\\]+\.safetensors$/.test(shard)) {
      throw new Error(
        `${indexFile}: tensor '${name}' is said to be in ${JSON.stringify(shard)}; expected the name of a .safetensors file in the same folder`,
      )
    }
    shards.add(shard)
  }
  for (const shard of shards) {
    if (!(await exists(join(folder, shard)))) throw new Error(`${indexFile}: shard ${shard} is missing in the folder. Download it too.`)
  }
  const weights = await openAll([...shards].map((shard) => join(folder, shard)))
  for (const [name, shard] of listed) {
    if (weights.files.get(name)?.path === join(folder, shard as string)) continue
    await weights.close()
    throw new Error(`${indexFile}: tensor '${name}' is not in ${shard}; index and shards do not belong together. Download them again.`)
  }
  return weights
}
