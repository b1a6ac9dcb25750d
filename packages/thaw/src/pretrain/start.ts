// What a run starts from that is not random: a checkpoint's model and values (continued pretraining: Gururangan et al. 2020), and its optimizer.

import { adamw, muon, type Store, type Tensor, type TrainingStepOptions } from '@thaw/tensor'
import { readCheckpoint } from '../hub/checkpoint.js'
import { type LoadReport, loadInto } from '../hub/load-into.js'
import type { TransformerConfig } from '../models/config.js'
import type { PretrainSettings } from './settings.js'

/** The model of a checkpoint folder; undefined where there is none to go on from. */
export async function startFrom(folder: string | undefined): Promise<{ folder: string; config: TransformerConfig } | undefined> {
  if (!folder) return undefined
  await using checkpoint = await readCheckpoint(folder)
  return { folder, config: checkpoint.config.model }
}

/** Fills what a checkpoint has values for; tables may have grown. */
export async function fillFrom(folder: string, params: Store, shapes: ReadonlyMap<string, readonly number[]>): Promise<LoadReport> {
  await using checkpoint = await readCheckpoint(folder)
  const initial = new Map<string, Float32Array>()
  for (const path of checkpoint.parameters.keys()) if (shapes.has(path)) initial.set(path, (await params.read(path)) as Float32Array)
  const { report, data } = await loadInto(checkpoint, shapes, { extendRows: true, into: (path) => initial.get(path) })
  for (const [path, values] of data) await params.write(path, values)
  return report
}

/** AdamW, or Muon for the matrices of the layers: the ones that a token's activations pass through, not the tables that are looked up. */
export function optimizerOf({ optimizer, weightDecay, clip }: PretrainSettings): TrainingStepOptions['optimizer'] {
  const common = { weightDecay, ...(clip > 0 ? { clip } : {}) }
  if (optimizer === 'adamw') return adamw(common)
  const [forMatrices, forTheRest] = [muon(common), adamw(common)]
  return (path: string, parameter: Tensor) => (parameter.rank === 2 && /(^|\.)layers\.\d+\./.test(path) ? forMatrices : forTheRest)
}
