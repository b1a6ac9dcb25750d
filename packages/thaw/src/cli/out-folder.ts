// The folder a run writes to: asked about before anything is computed, so that neither an hour of training nor somebody's files are lost.

import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Refuses a folder for a new run that holds something. @throws with what it holds and the ways out; `goOn` is the command that resumes. */
export function refuseUsedFolder(out: string, goOn: string, overwrite: boolean): void {
  if (!existsSync(out)) return
  if (!statSync(out).isDirectory()) throw new Error(`--out ${out}: this is a file; name a folder that does not exist yet`)
  const entries = readdirSync(out)
  if (entries.length === 0) return
  const run = existsSync(join(out, 'training', 'run.json'))
  if (!run && !existsSync(join(out, 'config.json')) && !existsSync(join(out, 'adapter.safetensors')))
    throw new Error(
      `--out ${out}: the folder holds something that is no checkpoint (${entries.slice(0, 3).join(', ')}${entries.length > 3 ? ', …' : ''}); name another one`,
    )
  if (overwrite) return
  const unfinished = run && !existsSync(join(out, 'training', 'report.json'))
  throw new Error(
    unfinished
      ? `--out ${out}: there is an unfinished run in this folder; go on with it (${goOn}), replace it with --overwrite, or name another folder`
      : `--out ${out}: there is a checkpoint in this folder; replace it with --overwrite, or name another folder`,
  )
}

/**
 * A resumed run keeps its settings; an option that says the same again is welcome (the same command line with --resume at its end).
 *
 * @throws for the first option that says something else.
 */
export function refuseChanges(given: Readonly<Record<string, unknown>>, stored: Readonly<Record<string, unknown>>, out: string): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || JSON.stringify(value) === JSON.stringify(stored[name])) continue
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    const was = stored[name] === undefined ? 'without it' : `with ${JSON.stringify(stored[name])}`
    throw new Error(
      `${flag} ${JSON.stringify(value)}: the run in ${out} was started ${was}, and a resumed run keeps its settings; leave the option out, or start a new run in another folder`,
    )
  }
}
