// The options by which commands are told where checkpoints come from that they are given by name: the same ones for each of them, and what `load` and
// `pull` take of them. A token is passed on, and neither kept in a file nor printed.

import { type Command, InvalidArgumentError } from 'commander'
import type { HubOptions } from '../hub/remote/pull.js'

/** The options as commander gives them. */
export type HubFlags = Pick<HubOptions, 'endpoint' | 'registry' | 'cache' | 'token' | 'revision' | 'offline' | 'proxy'>

/** Adds the options that say where checkpoints are. */
export const addPlaceOptions = (command: Command): Command =>
  command
    .option('--endpoint <url>', 'a hub or a plain HTTP server; default HF_ENDPOINT, else https://huggingface.co', address)
    .option('--registry <folder>', 'a folder of checkpoints, looked at first; default THAW_REGISTRY')
    .option('--cache <folder>', "default: Hugging Face's own cache")
    .option('--token <token>', 'default HF_TOKEN')
    .option('--proxy <url>', 'an HTTP proxy; default HTTPS_PROXY, but for what NO_PROXY lists')

/** Adds those, and which revision, and whether a server is asked. */
export const addPullOptions = (command: Command): Command =>
  addPlaceOptions(command.option('--revision <name>', 'a branch, a tag or a commit')).option('--offline', 'ask no server: only what is there already')

/** Adds all of them, as a group of their own, to a command that loads a checkpoint. */
export const addHubOptions = (command: Command): Command => addPullOptions(command.optionsGroup('Hub (of a checkpoint that is given by its name):'))

/** Takes the options of the hub out of all options of a command. */
export function takeHubOptions<T extends HubFlags>(options: T): { hub: HubFlags; rest: Omit<T, keyof HubFlags> } {
  const { endpoint, registry, cache, token, revision, offline, proxy, ...rest } = options
  const given = { endpoint, registry, cache, token, revision, offline, proxy }
  return { hub: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)), rest }
}

/** What a run keeps of them, to find its checkpoint again when it goes on. */
export type KeptPlaces = Pick<HubFlags, 'endpoint' | 'registry' | 'cache'>

/** The places without what is nobody else's business: token, and a proxy's address. */
export function keptPlaces({ endpoint, registry, cache }: HubFlags): KeptPlaces | undefined {
  const places = Object.entries({ endpoint, registry, cache }).filter(([, value]) => value !== undefined)
  return places.length > 0 ? Object.fromEntries(places) : undefined
}

/** The words of a command line without its token, and without a proxy that holds a password: for cards, and for commands to copy. */
export function withoutSecrets(words: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < words.length; i++) {
    const [, name, inline] = /^--(token|proxy)(?:=(.*))?$/s.exec(words[i]!) ?? []
    const value = inline ?? words[i + 1] ?? ''
    const secret = name === 'token' || (name === 'proxy' && value.includes('@'))
    if (!secret) kept.push(words[i]!)
    else if (inline === undefined) i++
  }
  return kept
}

/** An address that may be kept and shown. */
function address(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') throw new InvalidArgumentError('Expected an address, like https://hub.example.')
  if (url.username !== '' || url.password !== '')
    throw new InvalidArgumentError('Expected an address without name and password; give a token, by HF_TOKEN or --token.')
  return text
}
