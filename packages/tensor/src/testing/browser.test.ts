// The engine in a real page: bundled by Vite, in headless Chromium, with threads where the page is cross-origin isolated and without elsewhere.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { cp, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createExecutor } from '../executor/onnxruntime/index.js'
import { bundle, noChromium, openPage, serve } from './browser.js'
import { operationCases } from './operations.js'
import { sameTraining, trainTiny } from './training.js'

const cases = operationCases(readFileSync(new URL('../../fixtures/ops.json', import.meta.url), 'utf8')).length
const bundled = bundle(fileURLToPath(new URL('./page.js', import.meta.url)))
const wasm = 'ort-wasm-simd-threaded'
after(async () => (await bundled).remove())

test('the engine bundles with Vite, without anything of Node, and brings the WASM along', async () => {
  const files = await readdir(join((await bundled).folder, 'assets'))
  assert.deepEqual(
    files
      .filter((name) => name.startsWith(wasm))
      .map((name) => name.replace(/-[\w-]{8}(?=\.\w+$)/, ''))
      .sort(),
    [`${wasm}.mjs`, `${wasm}.wasm`],
  )
})

for (const isolated of [true, false])
  test(`in a page that is ${isolated ? 'cross-origin isolated: two threads' : 'not isolated: one thread'}`, {
    skip: noChromium,
    timeout: 600_000,
  }, async () => {
    const threads = isolated ? 2 : 1
    const server = await serve((await bundled).folder, { isolated })
    const { page, complaints, close } = await openPage(server.url)
    try {
      assert.equal(await page.evaluate(() => crossOriginIsolated), isolated)
      const operations = await page.evaluate(() => window.thaw.operations({ threads: 2 }))
      assert.deepEqual(operations, { name: 'onnxruntime-web', threads, result: { cases, failed: [] } })
      const training = await page.evaluate(() => window.thaw.training({ threads: 2 }))
      assert.equal(training.threads, threads)
      await using executor = await createExecutor({ threads: 1, worker: false })
      sameTraining(training.result, await trainTiny(executor))
      const inPage = await page.evaluate(() => window.thaw.training({ threads: 2, worker: false }))
      sameTraining(inPage.result, training.result)
      assert.deepEqual(complaints, [])
    } finally {
      await close()
      await server.close()
    }
  })

test('the WASM comes from a folder of the page’s own where it is told so', { skip: noChromium, timeout: 600_000 }, async () => {
  const { folder } = await bundled
  await mkdir(join(folder, 'own'))
  for (const name of [`${wasm}.mjs`, `${wasm}.wasm`])
    await cp(fileURLToPath(import.meta.resolve(`onnxruntime-web/${name}`)), join(folder, 'own', name))
  const server = await serve(folder, { isolated: false })
  const { page, complaints, close } = await openPage(server.url)
  try {
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    const { result } = await page.evaluate(() => window.thaw.training({ wasmPaths: 'own/', worker: false }, 2))
    assert.equal(result.losses.length, 2)
    assert.deepEqual(
      asked.filter((url) => url.includes(wasm)),
      [`${wasm}.mjs`, `${wasm}.wasm`].map((name) => `${server.url}own/${name}`),
    )
    const wrong = await page.evaluate(() => window.thaw.training({ wasmPaths: 'nowhere/' }, 2).catch((error: Error) => error.message))
    assert.match(String(wrong), /Failed to fetch dynamically imported module: .*nowhere\/ort-wasm-simd-threaded\.mjs/)
    assert.equal(complaints.filter((text) => !/nowhere|404/.test(text)).length, 0, complaints.join('\n'))
  } finally {
    await close()
    await server.close()
  }
})
