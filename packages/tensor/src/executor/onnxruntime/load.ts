// Which build of ONNX Runtime a Node process uses: the native one where it is present, else the WASM one.

import type { Runtime } from '../runtime.js'
import { nodeRuntime } from './node.js'
import type { RuntimeName } from './options.js'
import { webRuntime } from './web.js'

const version = '1.30.0'

export interface LoadedRuntime {
  runtime: Runtime
  /** Where the WASM build stands in for the native one: why. */
  fallback?: string
}

/**
 * Loads a runtime: the one asked for, else onnxruntime-node, else onnxruntime-web.
 *
 * @throws with the commands that install one, where it is absent.
 */
export async function loadRuntime(wanted: RuntimeName | undefined, threads: number): Promise<LoadedRuntime> {
  let reason = ''
  if (wanted !== 'onnxruntime-web') {
    try {
      return { runtime: await nodeRuntime() }
    } catch (error) {
      if (wanted === 'onnxruntime-node')
        throw new Error(`onnxruntime-node cannot be loaded: ${firstLine(error)}\n${installCommands}`, { cause: error })
      reason = firstLine(error)
    }
  }
  try {
    const runtime = webRuntime(await import('onnxruntime-web'), threads)
    return wanted === undefined ? { runtime, fallback: reason } : { runtime }
  } catch (error) {
    if (!isAbsent(error)) throw error
    const both = wanted === undefined ? `ONNX Runtime cannot be loaded: ${reason}` : 'onnxruntime-web is not installed'
    throw new Error(`${both}\n${installCommands}`, { cause: error })
  }
}

const firstLine = (error: unknown) => (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!

const isAbsent = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND'

const installCommands = `Install it with
  npm install --ignore-scripts onnxruntime-node@${version}   (the CPU binary is inside the package; skips the download of CUDA libraries)
  npm install onnxruntime-node@${version}                    (with CUDA libraries, where their host can be reached)
or, on a platform for which it has no binary, with
  npm install onnxruntime-web@${version}                     (WASM: slower, runs everywhere)`
