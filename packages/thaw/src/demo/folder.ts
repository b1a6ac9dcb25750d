// The demo's output folder: everything it writes is there, a second run starts clean, and a folder of somebody else is never emptied.

import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

/** Tells a later run that the folder is the demo's own. */
const mark = '.thaw-demo'

/**
 * Makes the folder, or empties the one of an earlier run.
 *
 * @throws where the folder holds something that is not the demo's.
 */
export async function cleanFolder(folder: string): Promise<void> {
  if (existsSync(join(folder, mark))) {
    // by entry, the mark last: a run that is killed here leaves a folder that is still known to be the demo's
    for (const entry of await readdir(folder)) if (entry !== mark) await rm(join(folder, entry), { recursive: true })
    return
  }
  const entries = existsSync(folder) ? await readdir(folder) : []
  if (entries.length > 0)
    throw new Error(
      `${resolve(folder)}: this folder holds something that is not the demo's (${entries.slice(0, 3).join(', ')}${entries.length > 3 ? ', …' : ''}); name another one with --out`,
    )
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, mark), 'Written by thaw demo, which empties this folder when it runs again.\n')
}
