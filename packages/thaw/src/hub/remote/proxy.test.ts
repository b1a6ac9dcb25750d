import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { inFolder, tinyBert, tinyParameters } from '../../testing/checkpoints.js'
import { testHub } from '../../testing/hub-server.js'
import { pushHub } from '../../testing/push-server.js'
import { writeCheckpoint } from '../checkpoint.js'
import { proxiedFetch, proxyFor } from './proxy.js'
import { pull } from './pull.js'
import { pushToHub } from './push.js'

interface TestProxy extends AsyncDisposable {
  address: string
  seen: string[]
}

/** A proxy that wants these credentials, where there are some, and leads every tunnel to one port of this machine. */
async function testProxy({ credentials, tunnelTo }: { credentials?: string; tunnelTo?: number } = {}): Promise<TestProxy> {
  const seen: string[] = []
  const allowed = (header: string | undefined) => credentials === undefined || header === `Basic ${Buffer.from(credentials).toString('base64')}`
  const server = createServer((asked, response) => {
    seen.push(`${asked.method} ${asked.url}`)
    const { 'proxy-authorization': who, ...headers } = asked.headers
    if (!allowed(who)) response.writeHead(407).end()
    else
      asked.pipe(
        request(asked.url!, { method: asked.method, headers }, (answer) => {
          response.writeHead(answer.statusCode!, answer.headers)
          answer.pipe(response)
        }),
      )
  })
  const tunnels: Duplex[] = []
  server.on('connect', (asked, socket) => {
    tunnels.push(socket)
    seen.push(`CONNECT ${asked.url}`)
    if (!allowed(asked.headers['proxy-authorization'])) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    const there = connect(tunnelTo!, '127.0.0.1', () => socket.write('HTTP/1.1 200 Connection established\r\n\r\n'))
    for (const [from, to] of [
      [socket, there],
      [there, socket],
    ] as const)
      from
        .on('error', () => {})
        .on('close', () => to.destroy())
        .pipe(to)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      for (const tunnel of tunnels) tunnel.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

test('pulling and pushing through a proxy: every request goes to it, and the token to the hub alone', () =>
  inFolder(async (folder) => {
    const weights = Buffer.from(Uint8Array.from({ length: 50_000 }, (_, i) => i % 251))
    const cdn = await testHub('me/tiny', { 'config.json': Buffer.from('{}'), 'model.safetensors': weights })
    await using hub = await testHub('me/tiny', { 'config.json': Buffer.from('{}'), 'model.safetensors': weights }, { token: 'secret' })
    await using _ = cdn
    hub.behave.redirectTo = cdn.origin
    await using proxy = await testProxy({ credentials: 'ann:p@ss' })
    const through = { endpoint: hub.origin, token: 'secret', registry: '', cache: join(folder, 'cache') }
    const pulled = await pull('me/tiny', { ...through, proxy: `http://ann:p%40ss@${proxy.address}` })
    assert.ok(readFileSync(join(pulled, 'model.safetensors')).equals(weights))
    assert.equal(proxy.seen.length, hub.requests.length + cdn.requests.length)
    assert.ok(cdn.requests.length === 2 && cdn.requests.every(({ authorization }) => authorization === undefined))
    await assert.rejects(
      pull('me/tiny', { ...through, proxy: proxy.address, cache: join(folder, 'other') }),
      /the proxy wants a name and a password \(status 407\)/,
    )
    const made = join(folder, 'made')
    await writeCheckpoint(made, { config: { model: tinyBert }, parameters: tinyParameters(tinyBert) })
    await using open = await testProxy()
    await using target = await pushHub('secret')
    await pushToHub(made, 'me/made', { endpoint: target.origin, token: 'secret', fetch: proxiedFetch({ proxy: open.address }) })
    assert.ok(
      target.repositories
        .get('me/made')!
        .get('model.safetensors')!
        .equals(readFileSync(join(made, 'model.safetensors'))),
    )
    assert.ok(open.seen.some((line) => line.startsWith('PUT http://localhost:')))
  }))

test('TLS goes through a tunnel', async () => {
  const [key, cert] = ['key', 'pem'].map((end) => readFileSync(new URL(`../../../fixtures/tls/hub.example.${end}`, import.meta.url), 'utf8')) as [
    string,
    string,
  ]
  const server = createSecureServer({ key, cert }, (asked, response) => response.end(`${asked.method} ${asked.url} of ${asked.headers.host}`))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const tunnelTo = (server.address() as AddressInfo).port
    await using proxy = await testProxy({ credentials: 'ann:pass', tunnelTo })
    const get = proxiedFetch({ proxy: `ann:pass@${proxy.address}`, ca: cert })
    assert.equal(await (await get('https://hub.example/a?b')).text(), 'GET /a?b of hub.example')
    assert.deepEqual(proxy.seen, ['CONNECT hub.example:443'])
    await assert.rejects(proxiedFetch({ proxy: proxy.address, ca: cert })('https://hub.example/'), {
      message: `through the proxy http://${proxy.address}: it wants a name and a password (status 407): http://NAME:PASSWORD@HOST:PORT`,
    })
    // a certificate of somebody else's is refused as without a proxy
    await assert.rejects(proxiedFetch({ proxy: `ann:pass@${proxy.address}` })('https://hub.example/'), /through the proxy .*self-signed certificate/)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('each address that a redirect leads to has its own proxy, or none; only the proxy gets its name and password', async () => {
  const direct: IncomingHttpHeaders[] = []
  const proxied: IncomingHttpHeaders[] = []
  const server = createServer((asked, response) => {
    if (asked.url === '/here') {
      direct.push(asked.headers)
      response.end('arrived')
      return
    }
    proxied.push(asked.headers)
    // what goes to this machine is no proxy's affair
    response.writeHead(307, { location: `http://${asked.headers['x-place']}/here` }).end(asked.url)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const place = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const before = process.env.HTTP_PROXY
  process.env.HTTP_PROXY = `http://ann@${place}`
  try {
    const headers = { authorization: 'Bearer secret', 'x-place': place }
    const get = proxiedFetch()
    const [plain, asRequest] = [await get('http://hub.example/a', { headers }), await get(new Request('http://hub.example/b', { headers }))]
    assert.deepEqual([await plain.text(), await asRequest.text()], ['arrived', 'arrived'])
    const login = `Basic ${Buffer.from('ann:').toString('base64')}`
    const seen = (all: IncomingHttpHeaders[]) => all.map((each) => [each.host, each.authorization, each['proxy-authorization']])
    assert.deepEqual(seen(proxied), Array(2).fill(['hub.example', 'Bearer secret', login]))
    assert.deepEqual(seen(direct), Array(2).fill([place, undefined, undefined]))
    await assert.rejects(get('http://hub.example/', { signal: AbortSignal.abort(new Error('enough')) }), { message: 'enough' })
  } finally {
    if (before === undefined) delete process.env.HTTP_PROXY
    else process.env.HTTP_PROXY = before
    server.closeAllConnections()
    server.close()
  }
})

test('a proxy that is not there, or none, is named', async () => {
  await assert.rejects(
    proxiedFetch({ proxy: '127.0.0.1:9' })('http://hub.example/'),
    /through the proxy http:\/\/127\.0\.0\.1:9: connect ECONNREFUSED/,
  )
  await assert.rejects(proxiedFetch({ proxy: 'socks://ann:pass@x' })('http://hub.example/'), {
    message: 'proxy "socks://x": expected the address of an HTTP proxy, like http://proxy.example:3128',
  })
})

test('the environment names proxies by scheme, and exceptions', () => {
  const environment = { HTTPS_PROXY: 'http://secure:1', http_proxy: 'http://plain:2', NO_PROXY: '.corp.example, other.example:8080' }
  const found = (url: string, more = {}) => proxyFor(new URL(url), { ...environment, ...more })
  assert.equal(found('https://huggingface.co/x'), 'http://secure:1')
  assert.equal(found('http://huggingface.co/x'), 'http://plain:2')
  for (const url of ['https://hub.corp.example', 'https://corp.example', 'http://other.example:8080', 'http://localhost:3', 'http://127.0.0.1:3'])
    assert.equal(found(url), undefined, url)
  assert.equal(found('http://other.example'), 'http://plain:2')
  assert.equal(found('https://huggingface.co', { NO_PROXY: '*' }), undefined)
  assert.equal(proxyFor(new URL('https://x.example'), { ALL_PROXY: 'http://all:3' }), 'http://all:3')
  assert.equal(proxyFor(new URL('https://x.example'), {}), undefined)
})
