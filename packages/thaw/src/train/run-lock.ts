// One process at a time works on a run's folder: a second one would replace the first one's states by its own. The lock is a file beside the folder
// (the folder itself is replaced when a checkpoint is written) that names its owner; that of a process that is gone, killed perhaps, is taken over.

import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { isRunning } from '../text/corpus/running.js'

interface Owner {
  pid: number
  host: string
  since: string
}

/**
 * Takes a folder's lock, `.NAME.lock` beside it; disposing gives it back.
 *
 * @throws where another process holds it, with its number, since when, and what to do.
 */
export async function lockRun(folder: string): Promise<AsyncDisposable> {
  const full = resolve(folder)
  const path = join(dirname(full), `.${basename(full)}.lock`)
  await mkdir(dirname(full), { recursive: true })
  const mine: Owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() }
  const draft = `${path}.${process.pid}`
  await writeFile(draft, JSON.stringify(mine))
  try {
    // a link is made whole or not at all, so a lock that is there always names its owner
    while (!(await linked(draft, path))) {
      const owner = await ownerOf(path)
      if (!owner) continue // given back in between
      // of another machine's processes nothing is known, so their lock holds
      if (owner.host !== mine.host || isRunning(owner.pid)) throw new Error(refusal(folder, path, owner))
      await takeAway(path, owner)
    }
  } finally {
    await rm(draft, { force: true })
  }
  return { [Symbol.asyncDispose]: () => rm(path, { force: true }) }
}

async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function ownerOf(path: string): Promise<Owner | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    const owner = JSON.parse(text) as Owner
    if (Number.isInteger(owner.pid) && typeof owner.host === 'string') return owner
  } catch {
    // told below
  }
  throw new Error(
    `${path}: expected a lock (pid, host, since), found ${JSON.stringify(text.slice(0, 40))}; delete the file if no run is at work there`,
  )
}

/** Removes the lock of an owner that is gone; one that somebody else has taken in the meantime is put back. */
async function takeAway(path: string, gone: Owner): Promise<void> {
  const aside = `${path}.${process.pid}.gone`
  if (
    !(await rename(path, aside).then(
      () => true,
      () => false,
    ))
  )
    return
  const taken = await ownerOf(aside)
  if (taken && (taken.pid !== gone.pid || taken.since !== gone.since)) await linked(aside, path)
  await rm(aside, { force: true })
}

const refusal = (folder: string, path: string, { pid, host, since }: Owner): string =>
  `${folder}: another process is at work in this folder (process ${pid}${host === hostname() ? '' : ` on ${host}`}, since ${since}); wait for its end, stop it, or take another folder. If there is no such process, delete ${path}`
