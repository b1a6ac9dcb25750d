// The engine in a real page: bundled by Vite, in headless Chromium, with threads where the page is cross-origin isolated and without elsewhere.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, describe as suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createExecutor } from '../executor/onnxruntime/index.js'
import { bundle, noChromium, type OpenPage, openPage, type Site, serve } from './browser.js'
import { operationCases } from './operations.js'
import { sameTraining, trainTiny } from './training.js'

suite('in a page', { skip: noChromium }, async () => {
  const cases = operationCases(readFileSync(new URL('../../fixtures/ops.json', import.meta.url), 'utf8')).length
  const resources: { close(): Promise<void> }[] = []
  let site: Site | undefined
  const open = async (isolated: boolean): Promise<OpenPage> => {
    site ??= await bundle(fileURLToPath(new URL('./page.js', import.meta.url)))
    const server = await serve(site.folder, { isolated })
    resources.push(server)
    const opened = await openPage(server.url)
    resources.push(opened)
    return opened
  }
  after(async () => {
    for (const resource of resources.reverse()) await resource.close()
    await site?.remove()
  })

  for (const isolated of [true, false])
    test(isolated ? 'cross-origin isolated: two threads' : 'not isolated: one thread', { timeout: 180_000 }, async () => {
      const { page, complaints } = await open(isolated)
      assert.equal(await page.evaluate(() => crossOriginIsolated), isolated)
      const threads = isolated ? 2 : 1
      const operations = await page.evaluate(() => window.thaw.operations({ threads: 2 }))
      assert.deepEqual(operations, { name: 'onnxruntime-web', threads, result: { cases, failed: [] } })
      const training = await page.evaluate(() => window.thaw.training({ threads: 2 }))
      assert.equal(training.threads, threads)
      await using executor = await createExecutor({ threads: 1, worker: false })
      sameTraining(training.result, await trainTiny(executor))
      const inPage = await page.evaluate(() => window.thaw.training({ threads: 1, worker: false }))
      sameTraining(inPage.result, training.result)
      assert.deepEqual(complaints, [])
    })
})
