// `--fisher-text`: the Fisher information that the recipe ewc weighs its pull by, computed once a run and kept in the run's folder.

import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { readFisher, saveFisher } from '../adapt/fisher-file.js'
import { type AdaptSettings, type Backbone, fisherInformation } from '../adapt/index.js'
import { weighsByFisher } from '../adapt/recipe/regularizers.js'
import { count, duration } from '../log/format.js'
import { statusLine } from '../log/status.js'
import { beginningOf } from './pretraining-text.js'
import { named, say } from './screen.js'

/** Whether a recipe has to know the Fisher information. @throws where the text is given without need, or missing. */
export function needsFisher({ recipe }: Pick<AdaptSettings, 'recipe'>, text: string | undefined): boolean {
  const needed = weighsByFisher(recipe)
  if (needed && text === undefined)
    throw new Error(
      '--recipe ewc: what did the model learn from? Name a file of pretraining text by --fisher-text FILE; a few thousand lines are enough',
    )
  if (!needed && text !== undefined) throw new Error(`--fisher-text ${text}: only the recipe ewc uses it; leave it out, or add --recipe ewc`)
  return needed
}

/** Computes the Fisher information from a text file, or reads what an earlier session of the run computed and kept in the run's folder. */
export async function fisherOf(backbone: Backbone, text: string, threads: number | undefined, folder?: string): Promise<Map<string, Float32Array>> {
  const file = folder && join(folder, 'fisher.safetensors')
  if (file && existsSync(file)) return readFisher(file)
  const texts = await beginningOf([text])
  const started = performance.now()
  const status = statusLine(process.stderr)
  let windows = 0
  const fisher = await fisherInformation(backbone, texts, {
    ...(threads === undefined ? {} : { threads }),
    onExample(done, of) {
      windows = of
      status.show(named('fisher', `${count(done)} of ${count(of)} windows of ${basename(text)}`, {}))
    },
  })
  status.clear()
  if (file) await saveFisher(file, fisher, backbone)
  const took = duration((performance.now() - started) / 1000)
  say(named('fisher', `information of ${count(fisher.size)} parameters, from ${count(windows)} windows of ${basename(text)}, ${took}`))
  return fisher
}
