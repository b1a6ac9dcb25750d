// Loading a checkpoint into a model that wants certain parameters: what fits is read, and the report says what was not there,
// what was left over and what is no parameter at all. Nothing is ever skipped silently.
import type { Checkpoint } from './checkpoint.js'
import { elements } from './dtypes.js'

export interface LoadReport {
  /** Paths that got their values from the checkpoint. */
  loaded: string[]
  /** Paths that the model wants and the checkpoint does not have: new, to be initialised. */
  missing: string[]
  /** Paths of the checkpoint that the model does not want. */
  unexpected: string[]
  /** Tensors that are no parameters: buffers, copies of tied tables. */
  ignored: string[]
  /** Embeddings that got only their first `from` of `to` rows. */
  extended: { path: string; from: number; to: number }[]
}

export interface LoadOptions {
  /** Whether embedding tables may have fewer rows in the checkpoint (added tokens); the other rows keep what the target holds, zeros by default. */
  extendRows?: boolean
  /** Memory to read a path into (a store, initial values); by default new arrays. */
  into?: (path: string) => Float32Array | undefined
}

/**
 * Reads the wanted parameters. A shape that differs is an error with the path and both shapes, found before anything is read.
 *
 *     const { report, data } = await loadInto(checkpoint, parameterShapes(checkpoint.config.model))
 *     report.missing  // []
 */
export async function loadInto(
  checkpoint: Checkpoint,
  wanted: ReadonlyMap<string, readonly number[]>,
  { extendRows = false, into }: LoadOptions = {},
): Promise<{ report: LoadReport; data: Map<string, Float32Array> }> {
  const { parameters, folder } = checkpoint
  const report: LoadReport = {
    loaded: [...parameters.keys()].filter((path) => wanted.has(path)),
    missing: [...wanted.keys()].filter((path) => !parameters.has(path)),
    unexpected: [...parameters.keys()].filter((path) => !wanted.has(path)),
    ignored: [...checkpoint.ignored],
    extended: [],
  }
  for (const path of report.loaded) {
    const shape = parameters.get(path)!.shape
    const want = wanted.get(path)!
    if (String(shape) === String(want)) continue
    const embedding = /^embeddings\.[^.]+\.weight$/.test(path) && shape.length === 2 && want.length === 2 && shape[1] === want[1]
    if (!embedding || shape[0]! > want[0]!) {
      throw new Error(
        `${folder}: ${path} has shape [${shape}], the model wants [${want}]; take the checkpoint's configuration, or leave this path out`,
      )
    }
    if (!extendRows) {
      throw new Error(
        `${folder}: ${path} has shape [${shape}], the model wants [${want}]; allow new rows with extendRows, or take the checkpoint's configuration`,
      )
    }
    report.extended.push({ path, from: shape[0]!, to: want[0]! })
  }
  const data = new Map<string, Float32Array>()
  for (const path of report.loaded) {
    const parameter = parameters.get(path)!
    const size = elements(wanted.get(path))
    const target = into?.(path) ?? new Float32Array(size)
    if (target.length !== size) throw new Error(`${path}: the target has ${target.length} elements, shape [${wanted.get(path)}] has ${size}`)
    await parameter.readInto(target.subarray(0, elements(parameter.shape)))
    data.set(path, target)
  }
  return { report, data }
}
