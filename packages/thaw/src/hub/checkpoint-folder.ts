// Where a checkpoint that is named is to be read: its folder, the package it comes in, or the folder into which its name is pulled.

import { existsSync } from 'node:fs'
import { bundledFolder, refuseMissingBundle } from './bundled.js'
import { isRemoteName } from './remote/names.js'
import { type HubOptions, pull } from './remote/pull.js'

export async function checkpointFolder(source: string, options: HubOptions): Promise<string> {
  if (existsSync(source) || !isRemoteName(source)) return source
  const bundled = bundledFolder(source)
  if (bundled !== undefined) return bundled
  refuseMissingBundle(source)
  return pull(source, options)
}
