// Checkpoints in a page: read from an address instead of a folder (see hub/checkpoint.ts), and not written.

import type * as hub from '../hub/checkpoint.js'
import type * as folders from '../hub/checkpoint-folder.js'
import { openCheckpoint } from '../hub/checkpoint-open.js'
import { openSafetensors } from '../hub/safetensors-open.js'
import { addressOf, fetchFile } from './files.js'

/**
 * Fetches a checkpoint: config.json and model.safetensors under an address.
 *
 * ```ts
 * const checkpoint = await readCheckpoint('/models/trec')
 * checkpoint.config.labels   // ['ABBR', 'DESC', …]
 * ```
 */
export const readCheckpoint: typeof hub.readCheckpoint = async (address) => {
  const [configFile, weightsFile] = [addressOf(address, 'config.json'), addressOf(address, 'model.safetensors')]
  const [text, buffer] = await Promise.all([
    fetchFile(configFile).then((response) => response.text()),
    fetchFile(weightsFile).then((response) => response.arrayBuffer()),
  ])
  const bytes = new Uint8Array(buffer)
  const file = await openSafetensors(weightsFile, {
    size: bytes.length,
    fill: async (target, position) => target.set(bytes.subarray(position, position + target.length)),
    close: async () => {},
  })
  const files = new Map([...file.entries.keys()].map((name) => [name, file]))
  return openCheckpoint({ folder: address, config: { text, where: configFile }, weights: { files, close: file.close } })
}

/** @throws always. */
export const writeCheckpoint: typeof hub.writeCheckpoint = async (folder) => {
  throw new Error(`${folder}: a page has no folders, so a checkpoint cannot be written here; save it in Node`)
}

/** In a page every source is an address. */
export const checkpointFolder: typeof folders.checkpointFolder = async (address) => address
