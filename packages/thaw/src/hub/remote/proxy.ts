// Fetching through an HTTP proxy, as companies have them. Node's own fetch knows none before versions 22.21 and 24.5, and there only where NODE_USE_ENV_PROXY
// is set. Plain HTTP is handed to the proxy whole; TLS goes through a tunnel (CONNECT), so that the proxy sees neither token nor content.

import { once } from 'node:events'
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { connect } from 'node:tls'

export interface ProxyOptions {
  /** For every address; without it the environment says which: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, and NO_PROXY for exceptions. */
  proxy?: string | undefined
  /** Certificates to trust beside those of Node, in PEM. */
  ca?: string
}

interface Message {
  method: string
  headers: Headers
  body: Uint8Array | undefined
  signal: AbortSignal
}

const mostRedirects = 20
const loopback = /^(localhost|127\.[\d.]+|\[::1\])$/

/** The proxy that the environment names for an address; undefined where it names none. */
export function proxyFor(url: URL, environment: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  // no proxy reaches this machine by its name for itself
  if (loopback.test(url.hostname)) return undefined
  const value = (name: string) => environment[name.toLowerCase()] || environment[name] || undefined
  const exceptions = (value('NO_PROXY') ?? '').split(/[\s,]+/).filter((entry) => entry !== '')
  const excepted = exceptions.some((entry) => {
    const [, host = '', port] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(entry) ?? []
    if (port !== undefined && port !== (url.port || (url.protocol === 'https:' ? '443' : '80'))) return false
    return host === '*' || url.hostname === host || url.hostname.endsWith(`.${host}`)
  })
  return excepted ? undefined : (value(url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY') ?? value('ALL_PROXY'))
}

/** A fetch that goes through the proxy that is named, or that the environment names for an address; where there is none, it is Node's own. */
export function proxiedFetch(options: ProxyOptions = {}): typeof fetch {
  return async (given, init) => {
    let url = new URL(given instanceof Request ? given.url : given)
    if ((options.proxy ?? proxyFor(url)) === undefined) return fetch(given, init)
    const asked = new Request(given, init)
    const { signal } = asked
    const message: Message = {
      method: asked.method,
      headers: new Headers(asked.headers),
      body: asked.body ? new Uint8Array(await asked.arrayBuffer()) : undefined,
      signal,
    }
    for (let left = mostRedirects; ; left--) {
      const response = await send(url, message, options)
      const { statusCode = 0, headers } = response
      if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return asResponse(response)
      response.destroy()
      if (left <= 0) throw new Error(`${url.href}: more than ${mostRedirects} redirects`)
      const next = new URL(headers.location, url)
      if (next.origin !== url.origin) message.headers.delete('authorization')
      if (statusCode === 303) Object.assign(message, { method: 'GET', body: undefined })
      url = next
    }
  }
}

function asResponse(message: IncomingMessage): Response {
  const headers = new Headers()
  for (let i = 0; i < message.rawHeaders.length; i += 2) headers.append(message.rawHeaders[i]!, message.rawHeaders[i + 1]!)
  const status = message.statusCode!
  const empty = status === 204 || status === 304
  return new Response(empty ? null : (Readable.toWeb(message) as ReadableStream as unknown as BodyInit), { status, headers })
}

async function send(url: URL, { method, headers, body, signal }: Message, options: ProxyOptions): Promise<IncomingMessage> {
  const how: RequestOptions = {
    method,
    signal,
    headers: { ...Object.fromEntries(headers), host: url.host, ...(body ? { 'content-length': body.length } : {}) },
  }
  const named = options.proxy ?? proxyFor(url)
  if (named === undefined) return answered((url.protocol === 'https:' ? httpsRequest : httpRequest)(url, { ...how, agent: false }), body)
  const proxy = parsed(named)
  try {
    if (url.protocol === 'http:')
      return await answered(toProxy(proxy, { ...how, path: url.href, headers: { ...how.headers, ...credentials(proxy) } }), body)
    const socket = await tunnel(url, proxy, signal)
    const secure = connect({ socket, servername: url.hostname, ...(options.ca === undefined ? {} : { ca: options.ca }) })
    return await answered(httpsRequest(url, { ...how, createConnection: () => secure }), body)
  } catch (cause) {
    if (signal.aborted) throw cause
    throw new Error(`through the proxy ${proxy.origin}: ${(cause as Error).message}`, { cause })
  }
}

function parsed(text: string): URL {
  // people write the scheme or leave it out
  const address = /^\w+:\/\//.test(text) ? text : `http://${text}`
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new Error(`proxy ${JSON.stringify(text.replace(/\/\/.*@/, '//'))}: expected the address of an HTTP proxy, like http://proxy.example:3128`)
  return url
}

const credentials = ({ username, password }: URL): Record<string, string> =>
  username === ''
    ? {}
    : { 'proxy-authorization': `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}` }

const toProxy = (proxy: URL, how: RequestOptions): ClientRequest =>
  (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
    ...how,
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
    agent: false,
  })

/** A connection to the address through the proxy. */
async function tunnel(url: URL, proxy: URL, signal: AbortSignal): Promise<Socket> {
  const path = `${url.hostname}:${url.port || 443}`
  const request = toProxy(proxy, { method: 'CONNECT', path, signal, headers: { host: path, ...credentials(proxy) } })
  const connected = Promise.race([once(request, 'connect'), once(request, 'response')])
  request.end()
  const [response, socket] = (await connected) as [IncomingMessage, Socket | undefined]
  if (response.statusCode === 200 && socket) return socket
  request.destroy()
  socket?.destroy()
  throw new Error(
    response.statusCode === 407
      ? 'it wants a name and a password (status 407): http://NAME:PASSWORD@HOST:PORT'
      : `no way to ${path} (status ${response.statusCode})`,
  )
}

async function answered(request: ClientRequest, body: Uint8Array | undefined): Promise<IncomingMessage> {
  const response = once(request, 'response') as Promise<[IncomingMessage]>
  request.end(body)
  return (await response)[0]
}
