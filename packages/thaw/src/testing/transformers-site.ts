// The page of transformers-page.ts in headless Chromium, with exported models and the WASM of the ONNX Runtime that transformers.js brings along.

import { cp, mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle, type OpenPage, openPage, serve } from '../../../tensor/dist/testing/browser.js'

/** Opens the page; the models of a folder are those it loads by name. */
export async function openTransformers(models: string): Promise<OpenPage> {
  const site = await bundle(fileURLToPath(new URL('./transformers-page.js', import.meta.url)))
  await cp(models, join(site.folder, 'models'), { recursive: true })
  const from = createRequire(createRequire(import.meta.url).resolve('@huggingface/transformers'))
  const wasm = dirname(from.resolve('onnxruntime-web'))
  await mkdir(join(site.folder, 'wasm'))
  const name = 'ort-wasm-simd-threaded.asyncify'
  for (const end of ['mjs', 'wasm']) await cp(join(wasm, `${name}.${end}`), join(site.folder, 'wasm', `${name}.${end}`))
  const server = await serve(site.folder, { isolated: false })
  const { page, complaints, close } = await openPage(server.url)
  // a path, not an address: transformers.js 4.3 does not look for a tokenizer at an address
  await page.evaluate((url) => window.exported.configure('/models/', `${url}wasm/`), server.url)
  return {
    page,
    complaints,
    async close() {
      await close()
      await server.close()
      await site.remove()
    },
  }
}

/** What a page has complained about, but for Chromium's word for there being no GPU, which transformers.js asks about. */
export const realComplaints = (complaints: readonly string[]): string[] => complaints.filter((text) => text !== 'No available adapters.')
