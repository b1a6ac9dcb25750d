// Where a checkpoint that is named is to be read: its folder, the package it comes in, or the folder into which its name is pulled.

import { existsSync } from 'node:fs'
import { bundledFolder, refuseMissingBundle } from './bundled.js'
import { isRemoteName } from './remote/names.js'
import { type HubOptions, pull } from './remote/pull.js'

/**
 * The folder of a checkpoint that no hub is needed for; undefined where the name is one of a hub.
 *
 * @throws where a revision of it is asked for, which only checkpoints of hubs have, and where it is a package that is not installed.
 */
export function localCheckpoint(source: string, { revision }: Pick<HubOptions, 'revision'> = {}): string | undefined {
  const isFolder = existsSync(source) || !isRemoteName(source)
  const folder = isFolder ? source : bundledFolder(source)
  if (folder === undefined) refuseMissingBundle(source)
  else if (revision !== undefined)
    throw new Error(
      `revision ${JSON.stringify(revision)}: ${source} is ${isFolder ? 'a folder' : 'an installed package'}, which has no revisions; leave it out, or give the name of a checkpoint on a hub`,
    )
  return folder
}

export async function checkpointFolder(source: string, options: HubOptions): Promise<string> {
  return localCheckpoint(source, options) ?? pull(source, options)
}
