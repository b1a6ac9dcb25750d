// Where a checkpoint that is named is to be read: its folder, or the folder into which its name is pulled.

import { existsSync } from 'node:fs'
import { isRemoteName } from './remote/names.js'
import { type HubOptions, pull } from './remote/pull.js'

export async function checkpointFolder(source: string, options: HubOptions): Promise<string> {
  return existsSync(source) || !isRemoteName(source) ? source : await pull(source, options)
}
