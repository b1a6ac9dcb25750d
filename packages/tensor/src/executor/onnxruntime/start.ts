// A host over whichever runtime a Node process has.

import { Host, type HostOptions } from '../host.js'
import { loadRuntime } from './load.js'
import type { RuntimeName } from './options.js'

export interface NodeHostOptions extends HostOptions {
  runtime: RuntimeName | undefined
}

export async function startHost(options: NodeHostOptions): Promise<Host> {
  const { runtime, fallback } = await loadRuntime(options.runtime, options.threads)
  return new Host(runtime, options, fallback)
}
