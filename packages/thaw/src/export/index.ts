// Out of Thaw: a checkpoint as safetensors for Python's transformers, or a model of a task as ONNX for transformers.js and any ONNX runtime.

import { existsSync, readdirSync, statSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { load } from '../adapt/backbone.js'
import { writeCheckpoint } from '../hub/checkpoint.js'
import { replaceFolder } from '../hub/replace-folder.js'
import type { Task } from '../tasks/task.js'
import { writeAdapterFolder } from './adapter.js'
import { type ExportDtype, exportDtypes, writeOnnxFiles, writeOnnxFolder } from './onnx.js'
import { safetensorsPlan } from './safetensors.js'
import { deployable, exportSource, sourceOf, taskOf } from './source.js'

export { type ExportDtype, exportDtypes, onnxFiles } from './onnx.js'

export const exportFormats = ['safetensors', 'onnx', 'adapter'] as const
export type ExportFormat = (typeof exportFormats)[number]

export interface ExportOptions {
  to: ExportFormat
  /** The folder to write, which takes the place of what is there as a whole, or not at all. */
  out: string
  /** Default fp32. Several for ONNX only: the first is the one that transformers.js takes where it is told nothing. */
  dtype?: ExportDtype | readonly ExportDtype[]
  /** Replace what is in the folder, if it is a checkpoint or an earlier export. Default false. */
  overwrite?: boolean
}

export interface ExportReport {
  out: string
  to: ExportFormat
  dtypes: readonly ExportDtype[]
  /** Every file of the folder, with its size in bytes. */
  files: { name: string; bytes: number }[]
  /** transformers' class that gives the same results, where there is one (safetensors). */
  className: string | undefined
  /** What the model was made for; undefined for a backbone. */
  task: Task | undefined
  /** It reads pairs of texts. */
  pairs: boolean
  /** What else one should know: why transformers has no such class, what is missing. */
  notes: string[]
}

/**
 * Exports a checkpoint folder.
 *
 * ```ts
 * await exportCheckpoint('./trec', { to: 'onnx', dtype: ['fp32', 'int8'], out: './trec-onnx' })
 * ```
 *
 * @throws where the folder holds something else, the checkpoint is a backbone without a task (ONNX), or a type is not there for a format.
 */
export async function exportCheckpoint(folder: string, options: ExportOptions): Promise<ExportReport> {
  const { to, out } = options
  const dtypes = checkedDtypes(options)
  refuseTarget(folder, options)
  const source = await exportSource(folder)
  let className: string | undefined
  const notes: string[] = []
  if (to === 'onnx') {
    const deployed = deployable(folder, source)
    await replaceFolder(
      out,
      async (temporary) => {
        notes.push(...(await writeOnnxFolder(temporary, deployed, dtypes)))
        for (const [name, text] of Object.entries(await card(folder))) await writeFile(join(temporary, name), text)
      },
      () => false,
    )
  } else if (to === 'adapter') {
    const task = source.details.thaw?.task
    if (!source.classifier && task !== undefined)
      throw new Error(`${folder}: an adapter is taken from a classifier, and this is a model of ${String(task)}; share the model itself`)
    await replaceFolder(
      out,
      async (temporary) => {
        notes.push(...(await writeAdapterFolder(temporary, source)))
      },
      () => false,
    )
  } else {
    const plan = safetensorsPlan(source, dtypes[0] === 'fp16' ? 'F16' : 'F32')
    className = plan.className
    notes.push(...plan.notes)
    await writeCheckpoint(out, { ...plan.checkpoint, extra: await card(folder) })
  }
  const { model } = source
  const task = model && taskOf(model)
  return { out, to, dtypes, files: filesIn(out), className, task, pairs: model?.pairs === true, notes }
}

/**
 * Writes `onnx/model.onnx` (and `onnx/head.onnx` for a head over two towers) into the folder of a model itself, beside its weights. Returns them with their
 * sizes. @throws where the checkpoint has no task.
 */
export async function addOnnxFiles(folder: string): Promise<{ name: string; bytes: number }[]> {
  const source = deployable(folder, sourceOf(folder, await load(folder)))
  const files = await writeOnnxFiles(join(folder, 'onnx'), source, ['fp32'])
  return files.map(({ name, bytes }) => ({ name: `onnx/${name}`, bytes }))
}

function checkedDtypes({ to, dtype = 'fp32' }: ExportOptions): readonly ExportDtype[] {
  const dtypes = [...new Set(typeof dtype === 'string' ? [dtype] : dtype)]
  if (!exportFormats.includes(to)) throw new Error(`export to ${JSON.stringify(to)}: expected one of ${exportFormats.join(', ')}`)
  const unknown = dtypes.find((each) => !exportDtypes.includes(each))
  if (unknown !== undefined || dtypes.length === 0)
    throw new Error(`export: dtype ${JSON.stringify(unknown ?? '')}: expected one or several of ${exportDtypes.join(', ')}`)
  if (to === 'adapter' && (dtypes.length > 1 || dtypes[0] !== 'fp32'))
    throw new Error(`export to adapter: dtype ${dtypes.join(', ')}: expected fp32, which adapters are kept in`)
  if (to === 'safetensors' && (dtypes.length > 1 || dtypes[0] === 'int8'))
    throw new Error(`export to safetensors: dtype ${dtypes.join(', ')}: expected fp32 or fp16, one of them; int8 is for ONNX`)
  return dtypes
}

/** Nothing of anybody's is replaced unasked, and the checkpoint itself never. */
function refuseTarget(folder: string, { out, overwrite = false }: ExportOptions): void {
  if (resolve(folder) === resolve(out)) throw new Error(`${out}: this is the checkpoint itself; export to another folder`)
  if (!existsSync(out)) return
  if (!statSync(out).isDirectory()) throw new Error(`${out}: this is a file; name a folder that does not exist yet`)
  const entries = readdirSync(out)
  if (entries.length === 0) return
  if (!entries.includes('config.json') && !entries.includes('adapter.safetensors'))
    throw new Error(
      `${out}: the folder holds something that is no checkpoint (${entries.slice(0, 3).join(', ')}${entries.length > 3 ? ', …' : ''}); name another one`,
    )
  if (!overwrite) throw new Error(`${out}: there is a checkpoint in this folder; overwrite it, or name another folder`)
}

/** The checkpoint's card, where it has one. */
async function card(folder: string): Promise<Record<string, string>> {
  const file = join(folder, 'README.md')
  return existsSync(file) ? { 'README.md': await readFile(file, 'utf8') } : {}
}

const filesIn = (folder: string): ExportReport['files'] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ name: relative(folder, path).replaceAll('\\', '/'), bytes: statSync(path).size }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
