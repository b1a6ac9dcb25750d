// Which checkpoint a run starts from, where none is named: the published default where it is on this machine or the user agrees to its download, else the
// one that is bundled. Nothing is downloaded without being asked for, and without a terminal nobody is asked.

import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { bundledFolder, bundledNames, refuseMissingBundle } from '../hub/bundled.js'
import { defaultEncoder } from '../hub/published-encoders.js'
import { isRemoteName } from '../hub/remote/names.js'
import { cacheFolder, pull } from '../hub/remote/pull.js'
import { count } from '../log/format.js'
import { pullWithProgress } from './hub.js'
import { named, say } from './screen.js'

/** A checkpoint's name, and the folder it is read from. */
export interface ChosenCheckpoint {
  name: string
  folder: string
}

export interface ChoiceOptions {
  /** Ask no server. */
  offline: boolean
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
export function proposal(): string[] {
  const { name, summary, parameters, layers, hidden, licence, languages, download } = defaultEncoder
  return [
    named('proposed', name),
    named('', `${summary}: ${count(parameters)} parameters (${layers} layers × ${hidden}), ${languages.join(', ')}, licence ${licence}`),
    named('', `a download of ${Math.round(download / 1e6)} MB, once, into ${cacheFolder()}`),
  ]
}

const [bundled] = bundledNames

/** The folder of the checkpoint that is used where none is named and none can be fetched. */
export const bundledDefault = (): string | undefined => bundledFolder(bundled)

const noBundle = `npm install @thaw/${bundled} brings one that needs no download`

/** Chooses. @throws where nothing can be had without a network or a terminal, with the commands that help; and where the user declines. */
export async function chooseCheckpoint({ offline, commandWith, ask, serves }: ChoiceOptions): Promise<ChosenCheckpoint> {
  const { name } = defaultEncoder
  const here = await onThisMachine(name)
  if (here !== undefined) {
    say(named('backbone', `no checkpoint was named: ${name}, which is on this machine already`))
    return { name, folder: here }
  }
  if (ask && !offline) return askFor(ask, serves, commandWith)
  if (serves === undefined)
    throw new Error(
      [
        `no checkpoint was named, and none is on this machine${offline ? ' (offline)' : ''}`,
        ...proposal(),
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
  for (const line of proposal()) say(line)
  // by then this run will be in the folder
  say(named('', `usually more accurate; take it with  ${commandWith(name)} --overwrite`))
  return { name: bundled, folder: serves }
}

async function askFor(
  ask: NonNullable<ChoiceOptions['ask']>,
  serves: string | undefined,
  commandWith: ChoiceOptions['commandWith'],
): Promise<ChosenCheckpoint> {
  const { name } = defaultEncoder
  say('No checkpoint was named.')
  for (const line of proposal()) say(line)
  say(
    named(
      'offline',
      serves === undefined ? noBundle : `the bundled ${bundled} serves: pretrained on English Wikipedia, usually less accurate, no download`,
    ),
  )
  const answers = serves === undefined ? 'Download it? [Y]es, [n]o: ' : `Download it? [Y]es, [b]undled ${bundled}, [n]o: `
  for (;;) {
    const answer = (await ask(answers)).trim().toLowerCase()
    if (['', 'y', 'yes'].includes(answer)) return { name, folder: await download(name, serves, commandWith) }
    if (serves !== undefined && ['b', 'bundled', bundled].includes(answer)) return { name: bundled, folder: serves }
    if (['n', 'no', 'q', 'quit'].includes(answer))
      throw new Error(`nothing was downloaded; name a checkpoint, a folder or a name on a hub: ${commandWith('CHECKPOINT')}`)
  }
}

async function download(name: string, serves: string | undefined, commandWith: ChoiceOptions['commandWith']): Promise<string> {
  try {
    return await pullWithProgress(name, {})
  } catch (error) {
    const offline = serves === undefined ? noBundle : `the bundled one serves: ${commandWith(bundled)}`
    throw new Error(`${(error as Error).message}\noffline: ${offline}`, { cause: error })
  }
}

/**
 * The folder of a checkpoint that was named: itself, a package, what is in the cache (without a network), or what is pulled.
 *
 * @throws where there is neither a folder nor a checkpoint of the name.
 */
export async function namedCheckpoint(name: string, offline: boolean): Promise<ChosenCheckpoint> {
  if (existsSync(name) || !isRemoteName(name)) return { name, folder: name }
  const bundle = bundledFolder(name)
  if (bundle !== undefined) return { name, folder: bundle }
  refuseMissingBundle(name)
  const here = await onThisMachine(name)
  if (here !== undefined) return { name, folder: here }
  try {
    return { name, folder: await (offline ? pull(name, { offline }) : pullWithProgress(name, {})) }
  } catch (error) {
    throw new Error(`${name}: there is no folder of this name; as the name of a checkpoint on a hub: ${(error as Error).message}`, { cause: error })
  }
}

const onThisMachine = (name: string): Promise<string | undefined> => pull(name, { offline: true }).catch(() => undefined)
