// One file over HTTP: goes on where a cut connection left it, checks length and hash, and appears under its name only when it is whole.

import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'

export interface FileToDownload {
  url: string
  /** Where it goes. */
  target: string
  /** Bytes, where they are known. */
  size?: number
  /** Of the content; `git` is the SHA-1 of a git blob. */
  hash?: { kind: 'sha256' | 'git'; hex: string }
}

export interface DownloadOptions {
  token?: string
  fetch?: typeof fetch
  signal?: AbortSignal
  /** Hears of bytes that have arrived, those of earlier attempts included. */
  onBytes?: (bytes: number) => void
  /** How often a cut connection is taken up again without any progress between. Default 5. */
  attempts?: number
  /** Milliseconds before the first new attempt; doubled each time. Default 500. */
  patience?: number
  /** Milliseconds without a byte after which a connection counts as cut. Default 30,000. */
  idle?: number
}

/** A connection that ended early, a server that was busy: worth another attempt. */
class Interrupted extends Error {}

/**
 * Downloads a file. What has arrived is kept beside the target (`.incomplete`), also when the process ends, and the next call goes on from there.
 *
 * @throws where the server refuses (naming what to do), and where length or hash are not those announced; then what has arrived is deleted.
 */
export async function downloadFile(file: FileToDownload, options: DownloadOptions = {}): Promise<void> {
  const { attempts = 5, patience = 500, signal } = options
  const part = `${file.target}.incomplete`
  await mkdir(dirname(file.target), { recursive: true })
  let left = attempts
  let most = await sizeOf(part)
  for (;;) {
    try {
      await attempt(file, part, await sizeOf(part), options)
      break
    } catch (error) {
      if (!(error instanceof Interrupted) || signal?.aborted) throw error
      // progress is what no attempt before had: a file that is always cut at one place is given up
      const now = await sizeOf(part)
      left = now > most ? attempts : left - 1
      most = Math.max(most, now)
      if (left <= 0)
        throw new Error(
          `${file.url}: the connection was cut ${attempts} times without progress (${error.message}); what has arrived is kept: call again to go on`,
          { cause: error },
        )
      await setTimeout(patience * 2 ** (attempts - left), undefined, signal ? { signal } : {})
    }
  }
  await verify(file, part)
  await rename(part, file.target)
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0

async function attempt(
  file: FileToDownload,
  part: string,
  have: number,
  { token, fetch: get = fetch, signal, onBytes, idle = 30_000 }: DownloadOptions,
): Promise<void> {
  if (file.size !== undefined && have === file.size && have > 0) return
  const headers: Record<string, string> = { 'Accept-Encoding': 'identity' }
  if (token) headers.Authorization = `Bearer ${token}`
  if (have > 0) headers.Range = `bytes=${have}-`
  // a connection that says nothing any more is a cut one, though nobody says so; raced against, so that it ends whatever the stream makes of an abort
  using silence = silent(idle)
  const stop = new AbortController()
  const either = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  const asked = get(file.url, { headers, signal: either }).catch((cause: Error) => {
    if (signal?.aborted) throw cause
    throw new Interrupted(reasonOf(cause), { cause })
  })
  const response = await Promise.race([asked, silence.promise]).catch((cause: Error) => {
    stop.abort()
    throw cause
  })
  if (response.status === 416 && have > 0) {
    // longer than the file: what has arrived is of another version
    await rm(part, { force: true })
    throw new Interrupted('the kept part does not fit')
  }
  if (response.status >= 500 || response.status === 429) throw new Interrupted(`status ${response.status}`)
  if (!response.ok) throw refusal(response.status, file.url, token !== undefined)
  // a server that knows no ranges sends everything again
  const goesOn = response.status === 206
  const handle = await open(part, goesOn ? 'a' : 'w')
  try {
    let bytes = goesOn ? have : 0
    onBytes?.(bytes)
    for (let body = response.body?.getReader(); body; ) {
      const { done, value } = await Promise.race([body.read(), silence.promise])
      if (done) break
      silence.refresh()
      await handle.write(value)
      bytes += value.length
      onBytes?.(bytes)
    }
    if (file.size !== undefined && bytes < file.size) throw new Interrupted(`${bytes} of ${file.size} bytes came`)
  } catch (cause) {
    stop.abort()
    if (signal?.aborted || cause instanceof Interrupted) throw cause
    if ((cause as NodeJS.ErrnoException).code === 'ENOSPC') throw new Error(`${part}: the disk is full; make room and call again to go on`, { cause })
    throw new Interrupted((cause as Error).message, { cause })
  } finally {
    await handle.close()
  }
}

/** A promise that rejects after so many milliseconds without a refresh; stopped where its scope ends. */
function silent(milliseconds: number): Disposable & { promise: Promise<never>; refresh(): void } {
  let timer: NodeJS.Timeout | undefined
  const promise = new Promise<never>((_, reject) => {
    timer = globalThis.setTimeout(() => reject(new Interrupted(`nothing came for ${milliseconds / 1000} s`)), milliseconds)
  })
  promise.catch(() => {}) // whoever races against it hears of it
  return { promise, refresh: () => void timer?.refresh(), [Symbol.dispose]: () => clearTimeout(timer) }
}

async function verify({ url, size, hash }: FileToDownload, part: string): Promise<void> {
  const got = await sizeOf(part)
  const fail = async (what: string): Promise<never> => {
    await rm(part, { force: true })
    throw new Error(`${url}: ${what}; it was deleted. Call again; if it happens again, the source is damaged or has changed.`)
  }
  if (size !== undefined && got !== size) await fail(`the file has ${got} bytes, ${size} were announced`)
  if (!hash) return
  const digest: Hash = hash.kind === 'sha256' ? createHash('sha256') : createHash('sha1').update(`blob ${got}\0`)
  for await (const chunk of createReadStream(part)) digest.update(chunk as Buffer)
  const hex = digest.digest('hex')
  if (hex !== hash.hex) await fail(`its hash is ${hex}, expected ${hash.hex}`)
}

/** Why a request failed: Node's own fetch says it one level below. */
export const reasonOf = ({ message, cause }: Error): string => (message === 'fetch failed' && cause instanceof Error ? cause.message : message)

/** What a status means, and the way out. */
export function refusal(status: number, url: string, withToken: boolean): Error {
  if (status === 401 || status === 403)
    return new Error(
      withToken
        ? `${url}: refused (status ${status}) with the given token: it may have expired, or lacks the right to this checkpoint (gated models want their terms accepted on their page)`
        : `${url}: refused (status ${status}): a token is needed; set HF_TOKEN, or give one`,
    )
  if (status === 407) return new Error(`${url}: the proxy wants a name and a password (status 407): http://NAME:PASSWORD@HOST:PORT`)
  if (status === 404) return new Error(`${url}: not found (status 404); check the name and the revision`)
  return new Error(`${url}: the server answered with status ${status}`)
}
