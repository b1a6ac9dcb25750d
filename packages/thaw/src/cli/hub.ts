// `thaw hub`: list, pull and push checkpoints, and look at their cards.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { proxiedFetch } from '../hub/remote/proxy.js'
import { cacheFolder, pull } from '../hub/remote/pull.js'
import { pushToHub, pushToRegistry } from '../hub/remote/push.js'
import { cachedNames, registryNames } from '../hub/remote/sources.js'
import { duration } from '../log/format.js'
import { progress } from '../log/progress.js'
import { say } from './screen.js'

interface SourceOptions {
  endpoint?: string
  registry?: string
  cache?: string
  revision?: string
  offline?: boolean
  token?: string
  proxy?: string
  message?: string
  private?: boolean
}

const addSource = (command: Command): Command =>
  command
    .option('--endpoint <url>', 'a hub or a plain HTTP server; default HF_ENDPOINT, else https://huggingface.co')
    .option('--registry <folder>', 'a folder of checkpoints, looked at first; default THAW_REGISTRY')
    .option('--cache <folder>', "default: Hugging Face's own cache")
    .option('--token <token>', 'default HF_TOKEN')
    .option('--proxy <url>', 'an HTTP proxy; default HTTPS_PROXY, but for what NO_PROXY lists')

/** Registers `thaw hub`. */
export function registerHub(program: Command): void {
  const hub = program
    .command('hub')
    .summary('list, pull, push checkpoints')
    .description('Checkpoints by name: from a hub, a plain HTTP server, or a registry folder.')
  addSource(hub.command('list').description('What is in the registry folder and in the cache.')).action(list)
  addSource(hub.command('pull').argument('<name>', 'owner/name').description('Downloads a checkpoint into the cache, and prints its folder.'))
    .option('--revision <name>', 'a branch, a tag or a commit')
    .option('--offline', 'only what is there already')
    .action(pullOne)
  addSource(
    hub
      .command('push')
      .argument('<folder>', 'a checkpoint')
      .argument('<name>', 'owner/name')
      .description('Shares a checkpoint: copies it into a registry folder, or uploads it to a hub.'),
  )
    .option('--message <text>', 'of the commit')
    .option('--private', 'for a new repository')
    .action(push)
  addSource(hub.command('card').argument('<name>', 'owner/name, or a folder').description('Prints the card of a checkpoint.'))
    .option('--offline', 'only what is there already')
    .action(card)
}

async function list({ registry = process.env.THAW_REGISTRY, cache }: SourceOptions): Promise<void> {
  const names = [...(registry ? await registryNames(registry) : []), ...(await cachedNames(cache ?? cacheFolder()))]
  process.stdout.write(names.map((name) => `${name}\n`).join(''))
  if (names.length === 0)
    say(
      registry
        ? `nothing in ${registry} and in the cache`
        : 'nothing in the cache; name a --registry folder, or pull a checkpoint: thaw hub pull owner/name',
    )
}

async function pullOne(name: string, options: SourceOptions): Promise<void> {
  process.stdout.write(`${await pullWithProgress(name, options)}\n`)
}

/** Pulls with a bar for each file that takes time. */
export async function pullWithProgress(name: string, options: SourceOptions): Promise<string> {
  const started = performance.now()
  const bars = new Map<string, ReturnType<typeof progress>>()
  const folder = await pull(name, {
    ...options,
    onProgress({ path, bytes, size }) {
      if (size === undefined || size < 2 ** 20) return
      const bar = bars.get(path) ?? progress(process.stderr, { label: path, total: Math.round(size / 1e6), unit: 'MB' })
      bars.set(path, bar)
      bar.update(Math.round(bytes / 1e6))
      if (bytes === size) bar.done()
    },
  })
  if (bars.size > 0) say(`${name}: in ${folder}, ${duration((performance.now() - started) / 1000)}`)
  return folder
}

async function push(folder: string, name: string, options: SourceOptions): Promise<void> {
  const registry = options.registry ?? process.env.THAW_REGISTRY
  const { message, endpoint = process.env.HF_ENDPOINT ?? 'https://huggingface.co', token = process.env.HF_TOKEN } = options
  const place = registry
    ? await pushToRegistry(folder, name, registry)
    : await pushToHub(folder, name, {
        endpoint,
        token,
        private: options.private ?? false,
        fetch: proxiedFetch({ proxy: options.proxy }),
        ...(message ? { message } : {}),
      })
  process.stdout.write(`${place}\n`)
}

async function card(name: string, options: SourceOptions): Promise<void> {
  const folder = await readFile(join(name, 'config.json')).then(
    () => name,
    () => pullWithProgress(name, options),
  )
  const text = await readFile(join(folder, 'README.md'), 'utf8').catch((cause: unknown) => {
    throw new Error(`${name}: it has no card (README.md)`, { cause })
  })
  process.stdout.write(text)
}
