// A hub on this machine that speaks Hugging Face's protocol as far as pulling goes, and misbehaves on request.

import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Misbehaviour {
  /** Cuts each connection for these paths after so many bytes, so many times. */
  cut?: { after: number; times: number }
  /** Sends so many bytes of each file and then nothing, so many times, without an end. */
  stall?: { after: number; times: number }
  /** Says nothing at all where the path fits. */
  silent?: RegExp
  /** Lists the weights with one byte more. */
  wrongLength?: boolean
  wrongHash?: boolean
  /** Sends to another server (origin) for files. */
  redirectTo?: string
  /** Accepts this token only. */
  token?: string
  /** More entries of the list. */
  listed?: { path: string; type: string; size: number; oid: string }[]
  /** Says that the list goes on at this address. */
  next?: string
  /** Knows no ranges. */
  noRanges?: boolean
  /** Answers 503 so many times, where the path fits. */
  busy?: { path: RegExp; times: number }
  /** No API: files only. */
  plain?: boolean
  /** Another revision than main, with files of its own. */
  tag?: { name: string; files: Readonly<Record<string, Buffer>> }
}

export interface TestHub extends AsyncDisposable {
  origin: string
  /** `METHOD path authorization? range?` of each request. */
  requests: { path: string; authorization: string | undefined; range: string | undefined }[]
  behave: Misbehaviour
}

const [shaOfMain, shaOfTag] = ['a'.repeat(40), 'b'.repeat(40)] as const
const gitHash = (data: Buffer) => createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex')
const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex')

/** Starts a hub with one checkpoint of these files; weights are listed as LFS (SHA-256), others as git blobs. */
export async function testHub(name: string, files: Readonly<Record<string, Buffer>>, behave: Misbehaviour = {}): Promise<TestHub> {
  const hub: Omit<TestHub, typeof Symbol.asyncDispose> = { origin: '', requests: [], behave }
  const list = (content: Readonly<Record<string, Buffer>>) => [
    ...Object.entries(content).map(([path, data]) => {
      const size = data.length + (hub.behave.wrongLength && path.endsWith('.safetensors') ? 1 : 0)
      const hex = hub.behave.wrongHash ? 'f'.repeat(64) : sha256(data)
      return { type: 'file', path, size, oid: gitHash(data), ...(path.endsWith('.safetensors') ? { lfs: { oid: hex, size, pointerSize: 130 } } : {}) }
    }),
    ...(hub.behave.listed ?? []),
  ]
  const json = (response: ServerResponse, value: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const path = decodeURIComponent(new URL(request.url!, hub.origin).pathname)
    hub.requests.push({ path, authorization: request.headers.authorization, range: request.headers.range })
    const { token, plain, redirectTo, busy, silent, tag } = hub.behave
    const tagged = tag && (path.endsWith(`/revision/${tag.name}`) || path.includes(`/${shaOfTag}`))
    const { revision, sha, content } = tagged
      ? { revision: tag.name, sha: shaOfTag, content: tag.files }
      : { revision: 'main', sha: shaOfMain, content: files }
    if (silent?.test(path)) return
    if (busy && busy.times > 0 && busy.path.test(path)) {
      busy.times--
      response.writeHead(503).end()
    } else if (token && request.headers.authorization !== `Bearer ${token}`) response.writeHead(401).end()
    else if (!plain && path === `/api/models/${name}/revision/${revision}`) json(response, { id: name, sha })
    else if (!plain && path === `/api/models/${name}/tree/${sha}`) {
      if (hub.behave.next) response.setHeader('link', `<${hub.behave.next}>; rel="next"`)
      json(response, list(content))
    } else {
      const prefix = plain ? `/${name}/` : redirectTo === undefined && path.startsWith('/cdn/') ? '/cdn/' : `/${name}/resolve/${sha}/`
      const data = path.startsWith(prefix) ? content[path.slice(prefix.length)] : undefined
      if (!data) response.writeHead(404).end()
      else if (redirectTo) response.writeHead(302, { location: `${redirectTo}/cdn/${path.slice(prefix.length)}` }).end()
      else send(data, request, response)
    }
  }
  const send = (data: Buffer, request: IncomingMessage, response: ServerResponse) => {
    const from = hub.behave.noRanges ? 0 : Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (from >= data.length && from > 0) {
      response.writeHead(416).end()
      return
    }
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': data.length - from })
    const { cut, stall } = hub.behave
    if (stall && stall.times > 0 && data.length - from > stall.after) {
      stall.times--
      response.write(data.subarray(from, from + stall.after))
      return
    }
    if (cut && cut.times > 0 && data.length - from > cut.after) {
      cut.times--
      response.write(data.subarray(from, from + cut.after), () => setTimeout(() => response.destroy(), 20))
    } else response.end(data.subarray(from))
  }
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  hub.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(hub, {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}
