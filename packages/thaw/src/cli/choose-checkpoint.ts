// Which checkpoint a run starts from, where none is named: the published default where it is on this machine or the user agrees to its download, else the
// one that is bundled. Nothing is downloaded without being asked for, and without a terminal nobody is asked.

import { createInterface } from 'node:readline/promises'
import { bundledFolder, bundledNames } from '../hub/bundled.js'
import { defaultEncoder } from '../hub/published-encoders.js'
import { cacheFolder, offlineByEnvironment } from '../hub/remote/pull.js'
import { count } from '../log/format.js'
import type { HubFlags } from './hub-options.js'
import { type ChosenCheckpoint, onThisMachine, pullWithProgress } from './named-checkpoint.js'
import { named, say } from './screen.js'

export interface ChoiceOptions {
  /** Where it comes from; offline, no server is asked. */
  hub: HubFlags
  /** The command with this checkpoint in it, to be copied. */
  commandWith(checkpoint: string): string
  /** Asks the user a question; undefined where there is no terminal. */
  ask: ((question: string) => Promise<string>) | undefined
  /** The folder of the bundled checkpoint, where it is installed. */
  serves: string | undefined
}

/** A way to ask, where both sides of the conversation are a terminal. */
export function terminalQuestion(): ChoiceOptions['ask'] {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  return async (question) => {
    const terminal = createInterface({ input: process.stdin, output: process.stderr })
    try {
      return await terminal.question(question)
    } finally {
      terminal.close()
    }
  }
}

/** What is proposed, in lines. */
export function proposal({ cache = cacheFolder() }: HubFlags = {}): string[] {
  const { name, summary, parameters, layers, hidden, licence, languages, download } = defaultEncoder
  return [
    named('proposed', name),
    named('', `${summary}: ${count(parameters)} parameters (${layers} layers × ${hidden}), ${languages.join(', ')}, licence ${licence}`),
    named('', `a download of ${Math.round(download / 1e6)} MB, once, into ${cache}`),
  ]
}

const [bundled] = bundledNames

/** The folder of the checkpoint that is used where none is named and none can be fetched. */
export const bundledDefault = (): string | undefined => bundledFolder(bundled)

const noBundle = `npm install @thaw/${bundled} brings one that needs no download`

/** Chooses. @throws where nothing can be had without a network or a terminal, with the commands that help; and where the user declines. */
export async function chooseCheckpoint({ hub, commandWith, ask, serves }: ChoiceOptions): Promise<ChosenCheckpoint> {
  const { name } = defaultEncoder
  const offline = hub.offline ?? offlineByEnvironment()
  if (hub.revision !== undefined)
    throw new Error(`--revision ${hub.revision}: no checkpoint was named that it could be one of; name it: ${commandWith('OWNER/NAME')}`)
  const here = await onThisMachine(name, hub)
  if (here !== undefined) {
    say(named('backbone', `no checkpoint was named: ${name}, which is on this machine already`))
    return { name, folder: here }
  }
  if (ask && !offline) return askFor(ask, serves, commandWith, hub)
  if (serves === undefined)
    throw new Error(
      [
        `no checkpoint was named, and none is on this machine${offline ? ' (offline)' : ''}`,
        ...proposal(hub),
        '',
        `take it:  ${commandWith(name)}`,
        `offline:  ${noBundle}; then ${commandWith(bundled)}`,
      ].join('\n'),
    )
  say(
    named(
      'backbone',
      `no checkpoint was named${offline ? ', and no server is asked' : ', and there is no terminal to ask on'}: the bundled ${bundled}`,
    ),
  )
  for (const line of proposal(hub)) say(line)
  // by then this run will be in the folder
  say(named('', `usually more accurate; take it with  ${commandWith(name)} --overwrite`))
  return { name: bundled, folder: serves }
}

async function askFor(
  ask: NonNullable<ChoiceOptions['ask']>,
  serves: string | undefined,
  commandWith: ChoiceOptions['commandWith'],
  hub: HubFlags,
): Promise<ChosenCheckpoint> {
  const { name } = defaultEncoder
  say('No checkpoint was named.')
  for (const line of proposal(hub)) say(line)
  say(
    named(
      'offline',
      serves === undefined ? noBundle : `the bundled ${bundled} serves: pretrained on English Wikipedia, usually less accurate, no download`,
    ),
  )
  const answers = serves === undefined ? 'Download it? [Y]es, [n]o: ' : `Download it? [Y]es, [b]undled ${bundled}, [n]o: `
  for (;;) {
    const answer = (await ask(answers)).trim().toLowerCase()
    if (['', 'y', 'yes'].includes(answer)) return { name, folder: await download(name, serves, commandWith, hub) }
    if (serves !== undefined && ['b', 'bundled', bundled].includes(answer)) return { name: bundled, folder: serves }
    if (['n', 'no', 'q', 'quit'].includes(answer))
      throw new Error(`nothing was downloaded; name a checkpoint, a folder or a name on a hub: ${commandWith('CHECKPOINT')}`)
  }
}

async function download(name: string, serves: string | undefined, commandWith: ChoiceOptions['commandWith'], hub: HubFlags): Promise<string> {
  try {
    return await pullWithProgress(name, hub)
  } catch (error) {
    const offline = serves === undefined ? noBundle : `the bundled one serves: ${commandWith(bundled)}`
    throw new Error(`${(error as Error).message}\noffline: ${offline}`, { cause: error })
  }
}
