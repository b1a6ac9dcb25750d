// Writing a folder so that a crash at any moment loses nothing. Beside FOLDER stand, for a moment each:
//   .FOLDER.writing-PID-…   being written; worthless until it is complete
//   .FOLDER.new             complete and on disk, about to become FOLDER
//   .FOLDER.old             the FOLDER that was there before, about to be deleted
// A rename is atomic, so one of FOLDER, .new, .old is always complete, and `presentFolder` finds it.
import { randomBytes } from 'node:crypto'
import { cp, mkdir, open, readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { isRunning } from '../text/corpus/running.js'
import { syncFolder } from './safetensors-write.js'

function besides(folder: string): { parent: string; fresh: string; old: string; writing: string } {
  const parent = dirname(folder)
  const name = basename(folder)
  if (!name) throw new Error(`${folder}: the root of a file system cannot be a checkpoint; name a folder inside it`)
  return { parent, fresh: join(parent, `.${name}.new`), old: join(parent, `.${name}.old`), writing: `.${name}.writing-` }
}

/** The complete folder that stands for `folder`: itself or, after a crash between two renames, the newer of what stands beside it. */
export async function presentFolder(folder: string): Promise<string | undefined> {
  const full = await behindLinks(folder)
  const { fresh, old } = besides(full)
  for (const candidate of [full, fresh, old]) if (await exists(candidate)) return candidate
  return undefined
}

/**
 * Replaces a folder by one that `write` fills, atomically. Entries of the present folder for which `keep` says true are copied over first.
 * Leftovers of crashed writers are settled. One process at a time may write the same folder.
 */
export async function replaceFolder(folder: string, write: (temporary: string) => Promise<void>, keep: (entry: string) => boolean): Promise<void> {
  const full = await behindLinks(folder)
  const { parent, fresh, old, writing } = besides(full)
  await mkdir(parent, { recursive: true })
  await settle(full)
  const temporary = join(parent, `${writing}${process.pid}-${randomBytes(4).toString('hex')}`)
  await mkdir(temporary)
  try {
    const replaces = await exists(full)
    if (replaces) {
      for (const entry of await readdir(full))
        if (keep(entry)) await cp(join(full, entry), join(temporary, entry), { recursive: true, preserveTimestamps: true })
    }
    await write(temporary)
    await syncAll(temporary)
    await rename(temporary, fresh)
    if (replaces) await rename(full, old)
    await rename(fresh, full)
    await syncFolder(parent)
    if (replaces) await rm(old, { recursive: true, force: true })
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    if (error instanceof Error) error.message = error.message.replaceAll(temporary, full)
    throw error
  }
}

/** The folder that a symbolic link names, also while that folder is moved aside: the link itself is never replaced. */
async function behindLinks(folder: string): Promise<string> {
  const full = resolve(folder)
  try {
    return await realpath(full)
  } catch {
    const link = await readlink(full).catch(() => undefined)
    return link === undefined ? full : resolve(dirname(full), link)
  }
}

/** Finishes what a writer that was killed left undone, so that `folder` is there itself and not only beside its place. */
export const settleFolder = async (folder: string): Promise<void> => {
  const full = await behindLinks(folder)
  if (await presentFolder(full)) await settle(full)
}

/** Finishes or clears away what a crashed writer left. */
async function settle(full: string): Promise<void> {
  const { parent, fresh, old, writing } = besides(full)
  const present = await presentFolder(full)
  if (present && present !== full) await rename(present, full)
  for (const leftover of [fresh, old]) await rm(leftover, { recursive: true, force: true })
  for (const entry of await readdir(parent)) {
    const owner = entry.startsWith(writing) ? /^\d+/.exec(entry.slice(writing.length)) : null
    if (owner && !isRunning(Number(owner[0]))) await rm(join(parent, entry), { recursive: true, force: true })
  }
}

async function syncAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await syncAll(path)
    else if (entry.isFile()) {
      const handle = await open(path, 'r+')
      await handle.sync().finally(() => handle.close())
    }
  }
  await syncFolder(folder)
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
