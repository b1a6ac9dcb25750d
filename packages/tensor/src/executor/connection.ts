// Ways to reach a host: in the caller's own thread, or by messages to a worker. The same for a thread of Node and a worker of a page, which
// differ only in how messages travel.

import type { Connection } from './executor.js'
import type { Host } from './host.js'

interface Call {
  id: number
  method: string
  args: unknown[]
}

interface Reply {
  id: number
  result?: never
  error?: string
}

/** A host in the caller's thread; calls run one after the other, as they do in a worker. */
export function inline(host: Host): Connection {
  let queue: Promise<unknown> = Promise.resolve()
  return {
    call(method, ...args) {
      const run = host[method] as unknown as (...args: unknown[]) => unknown
      const result = queue.then(() => run.apply(host, args))
      queue = result.catch(() => {})
      return result as never
    },
    close: async () => {},
  }
}

/** The caller's end of a worker. */
export interface WorkerLink {
  post(message: unknown): void
  /** Hands over what the worker sends, and the error that ends it. */
  listen(receive: (message: unknown) => void, fail: (error: Error) => void): void
  /** Told when the first call starts and when the last has been answered. */
  busy?(waiting: boolean): void
  close(): Promise<void>
}

/** A host in a worker. */
export function remote(link: WorkerLink): Connection {
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  let nextId = 0
  let dead: Error | undefined
  const fail = (error: Error) => {
    dead ??= error
    for (const { reject } of waiting.values()) reject(dead)
    waiting.clear()
  }
  link.listen((message) => {
    const { id, result, error } = message as Reply
    const call = waiting.get(id)
    waiting.delete(id)
    if (waiting.size === 0) link.busy?.(false)
    if (error === undefined) call?.resolve(result as never)
    else call?.reject(new Error(error))
  }, fail)
  return {
    call(method, ...args) {
      if (dead) return Promise.reject(dead)
      return new Promise((resolve, reject) => {
        const id = nextId++
        waiting.set(id, { resolve, reject })
        link.busy?.(true)
        link.post({ id, method, args })
      })
    },
    async close() {
      fail(new Error('the executor has been disposed of'))
      await link.close()
    },
  }
}

/** The worker's end: answers calls, one after the other, since a run must see what the write before it wrote. */
export function serve(host: Promise<Host>, port: { post(message: unknown): void; listen(receive: (message: unknown) => void): void }): void {
  let queue: Promise<unknown> = host.catch(() => {}) // each call reports what went wrong
  port.listen((message) => {
    const { id, method, args } = message as Call
    queue = queue.then(async () => {
      try {
        const methods = (await host) as unknown as Record<string, (...args: unknown[]) => unknown>
        port.post({ id, result: await methods[method]!(...args) })
      } catch (error) {
        port.post({ id, error: error instanceof Error ? error.message : String(error) })
      }
    })
  })
}
