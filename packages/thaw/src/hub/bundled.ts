// Checkpoints that come as npm packages: `npm install @thaw/wiki-masked`, and `load('wiki-masked')` works without a network. The package's root is the
// checkpoint folder; Node's own module resolution finds it, first from the working directory, then from where Thaw is installed.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** Names under which Thaw's own checkpoints are published, as `@thaw/NAME`. The first comes with `thaw`, and serves where none is named and none can be fetched. */
export const bundledNames = ['wiki-masked', 'wiki-causal'] as const

const packageOf = (name: string): string => `@thaw/${name}`

/**
 * The folder of an installed checkpoint package; undefined where it is not installed, or the name is none of one word.
 *
 *     bundledFolder('wiki-masked')   // …/node_modules/@thaw/wiki-masked
 */
export function bundledFolder(name: string, places: readonly string[] = [join(process.cwd(), 'x.js'), import.meta.url]): string | undefined {
  if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) return undefined
  for (const place of places) {
    try {
      const folder = dirname(createRequire(place).resolve(`${packageOf(name)}/package.json`))
      if (existsSync(join(folder, 'config.json'))) return folder
    } catch {
      // not installed there
    }
  }
  return undefined
}

/** @throws where the name is that of one of Thaw's own checkpoints, saying how to install it. */
export function refuseMissingBundle(name: string): void {
  if ((bundledNames as readonly string[]).includes(name))
    throw new Error(
      `${name}: this checkpoint comes as the package ${packageOf(name)}, which is not installed here; npm install ${packageOf(name)}, or name another checkpoint`,
    )
}
