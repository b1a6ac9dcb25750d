// The `thaw` command: one file a command in this folder, each of which registers itself.

import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { registerAblate } from './ablate.js'
import { registerAdapt } from './adapt.js'
import { registerCurves } from './curves.js'
import { registerDemo } from './demo.js'
import { registerEvaluate } from './evaluate.js'
import { registerExport } from './export.js'
import { registerGenerate } from './generate.js'
import { registerHub } from './hub.js'
import { registerPredict } from './predict.js'
import { registerPretrain } from './pretrain.js'
import { registerTokenizer } from './tokenizer.js'
import { registerTradeOffs } from './trade-offs.js'

/** Adds a command to the program. */
export type Register = (program: Command) => void

const commands: readonly Register[] = [
  registerPretrain,
  registerAdapt,
  registerPredict,
  registerEvaluate,
  registerTradeOffs,
  registerAblate,
  registerExport,
  registerGenerate,
  registerTokenizer,
  registerCurves,
  registerHub,
  registerDemo,
]

/** Builds the program; every command adds itself. */
export function createProgram(): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  const program = new Command('thaw')
    .description('Transfer learning for NLP: pretrain, adapt, probe, ship.')
    .version(version)
    .showHelpAfterError('(see thaw --help)')
  for (const register of commands) register(program)
  return program
}

/** The `thaw` command. Errors are one readable message on stderr; THAW_DEBUG=1 shows where they come from. */
export async function main(argv: readonly string[]): Promise<void> {
  // a reader that has seen enough (head, less) is no error
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  try {
    await createProgram().parseAsync([...argv], { from: 'user' })
  } catch (error) {
    const { message, stack } = error as Error
    process.stderr.write(`thaw: ${process.env.THAW_DEBUG ? stack : message}\n`)
    process.exitCode = 1
  }
}
