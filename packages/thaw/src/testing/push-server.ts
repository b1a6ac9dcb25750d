// A hub on this machine that takes uploads: repositories are made, large files go to a store of its own address, the rest comes with the commit.

import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface PushHub extends AsyncDisposable {
  origin: string
  /** What has been committed, by repository and path. */
  repositories: Map<string, Map<string, Buffer>>
  /** The tokens that came, to the hub and to the store of large files. */
  authorized: { hub: Set<string | undefined>; store: Set<string | undefined> }
  titles: string[]
}

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

interface Line {
  key: string
  value: { summary?: string; path: string; content?: string; encoding?: BufferEncoding; oid?: string }
}

/** Starts a hub that takes this token only. */
export async function pushHub(token: string): Promise<PushHub> {
  const stored = new Map<string, Buffer>()
  const hub: Omit<PushHub, typeof Symbol.asyncDispose> = {
    origin: '',
    repositories: new Map(),
    authorized: { hub: new Set(), store: new Set() },
    titles: [],
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request)
    const { pathname } = new URL(request.url!, hub.origin)
    const json = (value: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
    if (request.method === 'PUT') {
      hub.authorized.store.add(request.headers.authorization)
      stored.set(createHash('sha256').update(body).digest('hex'), body)
      response.end()
      return
    }
    hub.authorized.hub.add(request.headers.authorization)
    const commit = /^\/api\/models\/(.+)\/commit\/main$/.exec(pathname)?.[1]
    if (request.headers.authorization !== `Bearer ${token}`) response.writeHead(401).end()
    else if (pathname === '/api/repos/create') {
      const { organization, name } = JSON.parse(body.toString()) as { organization: string; name: string }
      hub.repositories.set(`${organization}/${name}`, new Map())
      json({ url: `${hub.origin}/${organization}/${name}`, id: name })
    } else if (pathname.endsWith('/preupload/main')) {
      const { files } = JSON.parse(body.toString()) as { files: { path: string }[] }
      json({ files: files.map(({ path }) => ({ path, uploadMode: path.endsWith('.safetensors') ? 'lfs' : 'regular' })) })
    } else if (pathname.endsWith('/info/lfs/objects/batch')) {
      const { objects } = JSON.parse(body.toString()) as { objects: { oid: string; size: number }[] }
      const store = hub.origin.replace('127.0.0.1', 'localhost')
      json({ transfer: 'basic', objects: objects.map((object) => ({ ...object, actions: { upload: { href: `${store}/store/${object.oid}` } } })) })
    } else if (commit !== undefined) {
      const files = hub.repositories.get(commit)!
      for (const { key, value } of body
        .toString()
        .split('\n')
        .map((line) => JSON.parse(line) as Line)) {
        if (key === 'header') hub.titles.push(value.summary!)
        if (key === 'file') files.set(value.path, Buffer.from(value.content!, value.encoding))
        if (key === 'lfsFile') files.set(value.path, stored.get(value.oid!)!)
      }
      json({ commitOid: 'c'.repeat(40), commitUrl: hub.origin, hookOutput: '' })
    } else if (hub.repositories.has(pathname.slice('/api/models/'.length))) json({ id: 'x' })
    else response.writeHead(404).end()
  }
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, resolve))
  hub.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(hub, {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}
