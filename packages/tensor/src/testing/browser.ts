// A real page for tests: bundled by Vite as an application would be, served from this machine, opened in headless Chromium.

import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { isBuiltin } from 'node:module'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join, normalize } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { build } from 'vite'

const usualPaths = ['/usr/bin/chromium', '/usr/bin/chromium-browser']

/** Chromium's path: `CHROMIUM` from the environment, or where Debian and Ubuntu install it; undefined where there is none. */
export const chromiumPath: string | undefined = (process.env.CHROMIUM === undefined ? usualPaths : [process.env.CHROMIUM]).find((path) =>
  existsSync(path),
)

/** Why a test in a page is skipped, or false. */
export const noChromium: string | false = chromiumPath ? false : 'no Chromium: install it (apt-get install chromium) or set CHROMIUM to its path'

export interface Site {
  /** Its folder, which `remove` deletes. */
  folder: string
  remove(): Promise<void>
}

/**
 * Bundles a page around a module, with Vite's own defaults.
 *
 * @throws where the bundle would need anything of Node: nothing is to be replaced by a shim.
 */
export async function bundle(entry: string): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'thaw-page-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    await writeFile(join(folder, 'index.html'), '<!doctype html><link rel="icon" href="data:,"><script type="module" src="./main.js"></script>')
    await writeFile(join(folder, 'main.js'), `import ${JSON.stringify(entry)}\n`)
    await build({
      root: folder,
      configFile: false,
      logLevel: 'error',
      plugins: [
        {
          name: 'nothing-of-node',
          enforce: 'pre',
          resolveId(source, importer) {
            if (isBuiltin(source)) throw new Error(`${importer} imports ${source}, which a page has not`)
            return null
          },
        },
      ],
    })
    return { folder: join(folder, 'dist'), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
}

/** Serves a folder on this machine, cross-origin isolated (which is what threads need) or not. */
export async function serve(folder: string, { isolated }: { isolated: boolean }): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url!, 'http://localhost').pathname)
    const file = join(folder, path === '/' ? 'index.html' : path)
    const body = await readFile(file).catch(() => undefined)
    response.writeHead(body ? 200 : 404, {
      'content-type': types[extname(file)] ?? 'application/octet-stream',
      ...(isolated ? { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' } : {}),
    })
    response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export interface OpenPage {
  page: Page
  /** What the page has complained about, and what it asked of other machines. */
  complaints: string[]
  close(): Promise<void>
}

/** Opens an address in headless Chromium. */
export async function openPage(url: string): Promise<OpenPage> {
  const browser = await chromium.launch({
    executablePath: chromiumPath!,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) complaints.push(`asks for ${request.url()}`)
  })
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} for ${response.url()}`)
  })
  await page.goto(url)
  return { page, complaints, close: () => browser.close() }
}
