// `thaw hub`: list, pull and push checkpoints, and look at their cards.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { proxiedFetch } from '../hub/remote/proxy.js'
import { cacheFolder } from '../hub/remote/pull.js'
import { pushToHub, pushToRegistry } from '../hub/remote/push.js'
import { cachedNames, registryNames } from '../hub/remote/sources.js'
import { addPlaceOptions, addPullOptions, type HubFlags } from './hub-options.js'
import { pullWithProgress } from './named-checkpoint.js'
import { say } from './screen.js'

interface PushFlags extends HubFlags {
  message?: string
  private?: boolean
}

/** Registers `thaw hub`. */
export function registerHub(program: Command): void {
  const hub = program
    .command('hub')
    .summary('list, pull, push checkpoints')
    .description('Checkpoints by name: from a hub, a plain HTTP server, or a registry folder.')
  addPlaceOptions(hub.command('list').description('What is in the registry folder and in the cache.')).action(list)
  addPullOptions(
    hub.command('pull').argument('<name>', 'owner/name').description('Downloads a checkpoint into the cache, and prints its folder.'),
  ).action(pullOne)
  addPlaceOptions(
    hub
      .command('push')
      .argument('<folder>', 'a checkpoint')
      .argument('<name>', 'owner/name')
      .description('Shares a checkpoint: copies it into a registry folder, or uploads it to a hub.'),
  )
    .option('--message <text>', 'of the commit')
    .option('--private', 'for a new repository')
    .action(push)
  addPullOptions(hub.command('card').argument('<name>', 'owner/name, or a folder').description('Prints the card of a checkpoint.')).action(card)
}

async function list({ registry = process.env.THAW_REGISTRY, cache }: HubFlags): Promise<void> {
  const names = [...(registry ? await registryNames(registry) : []), ...(await cachedNames(cache ?? cacheFolder()))]
  process.stdout.write(names.map((name) => `${name}\n`).join(''))
  if (names.length === 0)
    say(
      registry
        ? `nothing in ${registry} and in the cache`
        : 'nothing in the cache; name a --registry folder, or pull a checkpoint: thaw hub pull owner/name',
    )
}

async function pullOne(name: string, options: HubFlags): Promise<void> {
  process.stdout.write(`${await pullWithProgress(name, options)}\n`)
}

async function push(folder: string, name: string, options: PushFlags): Promise<void> {
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

async function card(name: string, options: HubFlags): Promise<void> {
  const folder = await readFile(join(name, 'config.json')).then(
    () => name,
    () => pullWithProgress(name, options),
  )
  const text = await readFile(join(folder, 'README.md'), 'utf8').catch((cause: unknown) => {
    throw new Error(`${name}: it has no card (README.md)`, { cause })
  })
  process.stdout.write(text)
}
