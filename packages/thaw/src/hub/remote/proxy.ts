// Fetching through an HTTP proxy, as companies have them, by undici: Node's own fetch knows none before versions 22.21 and 24.5, and there only where
// NODE_USE_ENV_PROXY is set. Plain HTTP is handed to the proxy whole; TLS goes through a tunnel (CONNECT), so that the proxy sees neither token nor content.

import type { Dispatcher, RequestInit as UndiciInit } from 'undici'

export interface ProxyOptions {
  /** For every address; without it the environment says which: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, and NO_PROXY for exceptions. */
  proxy?: string | undefined
  /** Certificates to trust beside those of Node, in PEM. */
  ca?: string
}

const loopback = /^(localhost|127\.[\d.]+|\[::1\])$/
type Environment = Readonly<Record<string, string | undefined>>
const variable = (name: string, environment: Environment) => environment[name.toLowerCase()] || environment[name] || undefined

/** The proxy that the environment names for an address; undefined where it names none. */
export function proxyFor(url: URL, environment: Environment = process.env): string | undefined {
  // no proxy reaches this machine by its name for itself
  if (loopback.test(url.hostname)) return undefined
  const exceptions = (variable('NO_PROXY', environment) ?? '').split(/[\s,]+/).filter((entry) => entry !== '')
  const excepted = exceptions.some((entry) => {
    const [, host = '', port] = /^(?:\*?\.)?(.*?)(?::(\d+))?$/.exec(entry) ?? []
    if (port !== undefined && port !== (url.port || (url.protocol === 'https:' ? '443' : '80'))) return false
    return host === '*' || url.hostname === host || url.hostname.endsWith(`.${host}`)
  })
  if (excepted) return undefined
  return variable(url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY', environment) ?? variable('ALL_PROXY', environment)
}

/** A fetch that goes through the proxy that is named, or that the environment names for an address; where it names none at all, it is Node's own. */
export function proxiedFetch({ proxy, ca }: ProxyOptions = {}): typeof fetch {
  const agents = new Map<string, Dispatcher>()
  return async (given, init) => {
    if (proxy === undefined && !['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'].some((name) => variable(name, process.env))) return fetch(given, init)
    const always = proxy === undefined ? undefined : parsed(proxy)
    const signal = init?.signal ?? (given instanceof Request ? given.signal : undefined)
    const undici = await import('undici')
    // each address that a redirect leads to has its own proxy, or none; the last one is what an error is about
    let last: URL | undefined
    // not undici's global dispatcher, which is that of Node's own, maybe older, undici
    const direct = agents.get('') ?? new undici.Agent()
    agents.set('', direct)
    const dispatcher = direct.compose((dispatch) => (options, handler) => {
      const named = always ?? proxyFor(new URL(String(options.origin)))
      last = typeof named === 'string' ? parsed(named) : named
      if (!last) return dispatch(options, handler)
      const agent = agents.get(last.href) ?? agentOf(undici, last, ca)
      agents.set(last.href, agent)
      return agent.dispatch(options, handler)
    })
    try {
      const asked = given instanceof Request ? new undici.Request(given.url, given as unknown as UndiciInit) : given
      return (await undici.fetch(asked, { ...(init as UndiciInit), dispatcher })) as unknown as Response
    } catch (error) {
      const { cause = error } = error as Error
      if (!last || signal?.aborted) throw error
      const { message } = cause as Error
      // undici makes an error of what a server could answer as well
      if (message.startsWith('Proxy Authentication Required')) return new Response(null, { status: 407 })
      throw new Error(`through the proxy ${last.origin}: ${message}`, { cause: error })
    }
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

function agentOf({ Pool, ProxyAgent }: typeof import('undici'), { href, username, password }: URL, ca: string | undefined): Dispatcher {
  class Tunnels extends Pool {
    override async connect(options: Dispatcher.ConnectOptions): Promise<Dispatcher.ConnectData> {
      const answer = await super.connect(options)
      if (answer.statusCode === 200) return answer
      answer.socket.destroy()
      // undici itself ends the request without a word about the status
      throw new Error(
        answer.statusCode === 407
          ? 'it wants a name and a password (status 407): http://NAME:PASSWORD@HOST:PORT'
          : `no way to ${options.path} (status ${answer.statusCode})`,
      )
    }
  }
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return new ProxyAgent({
    uri: href,
    // proxies of companies allow tunnels to the port of TLS only
    proxyTunnel: false,
    clientFactory: (origin, options) => new Tunnels(origin, options),
    ...(username === '' ? {} : { token: `Basic ${Buffer.from(credentials).toString('base64')}` }),
    ...(ca === undefined ? {} : { requestTls: { ca } }),
  })
}
