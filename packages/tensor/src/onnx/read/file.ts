// An ONNX file on disk, with the data files beside it. A model names these files itself, so a hostile one could name any: only plain files
// inside the model's own folder are opened.

import { closeSync, openSync, readFileSync, readSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import { type ExternalData, OnnxError } from './messages.js'
import { type ImportedModel, type ReadOptions, readOnnx } from './read-onnx.js'
import type { ExternalReader } from './tensor-data.js'

/**
 * Reads an ONNX file and its external data; see {@link readOnnx}.
 *
 * @throws OnnxError naming the file, and what in it cannot be read.
 */
export function readOnnxFile(path: string, options: Omit<ReadOptions, 'file' | 'external'> = {}): ImportedModel {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    throw new OnnxError(`${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
  return readOnnx(bytes, { ...options, file: basename(path), external: externalReader(dirname(path)) })
}

/** Reads parts of files inside a folder, and refuses whatever leads out of it. */
export function externalReader(folder: string): ExternalReader {
  return ({ location, offset, length }: ExternalData) => {
    const path = inside(folder, location)
    const { size } = statSync(path)
    const wanted = length ?? size - offset
    if (!(offset >= 0 && wanted >= 0 && offset + wanted <= size))
      throw new Error(`its data are said to be bytes ${offset} to ${offset + wanted} of ${JSON.stringify(location)}, which has ${size}`)
    const bytes = new Uint8Array(wanted)
    const file = openSync(path, 'r')
    try {
      for (let at = 0; at < wanted; ) {
        const read = readSync(file, bytes, at, Math.min(wanted - at, 2 ** 30), offset + at)
        if (read === 0) throw new Error(`${JSON.stringify(location)} ended while it was read`)
        at += read
      }
    } finally {
      closeSync(file)
    }
    return bytes
  }
}

function inside(folder: string, location: string): string {
  const outside = `its data are said to be in ${JSON.stringify(location)}, which lies outside the model's folder: this is refused`
  if (location === '' || isAbsolute(location) || location.includes('\\') || location.includes('\0')) throw new Error(outside)
  const leads = (from: string, to: string) => {
    const way = relative(from, to)
    return way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way)
  }
  const path = resolve(folder, location)
  if (leads(resolve(folder), path)) throw new Error(outside)
  let real: string
  try {
    real = realpathSync(path)
  } catch {
    throw new Error(`its data are said to be in ${JSON.stringify(location)}, which is not in the model's folder: put the file there`)
  }
  if (leads(realpathSync(folder), real)) throw new Error(`${outside} (it is a link)`)
  if (!statSync(real).isFile()) throw new Error(`its data are said to be in ${JSON.stringify(location)}, which is no file`)
  return real
}
