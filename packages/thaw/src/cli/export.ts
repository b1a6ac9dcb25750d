// `thaw export`: a checkpoint for other programs: safetensors for Python's transformers, ONNX for transformers.js and any ONNX runtime.

import type { Command } from 'commander'
import { Option } from 'commander'
import { type ExportDtype, type ExportFormat, type ExportReport, exportCheckpoint, exportFormats } from '../export/index.js'
import { table } from '../log/table.js'
import { inJavaScript } from './export-program.js'
import { addHubOptions, type HubFlags, takeHubOptions } from './hub-options.js'
import { namedCheckpoint } from './named-checkpoint.js'
import { refuseUsedFolder } from './out-folder.js'
import { print, say, shellWord } from './screen.js'
import { names } from './values.js'

interface Options extends HubFlags {
  to: ExportFormat
  dtype: string[]
  out: string
  overwrite?: boolean
}

const examples = `
Examples:
  thaw export trec --to onnx --out trec-onnx
  thaw export trec --to onnx --dtype fp32,fp16,int8 --out trec-onnx
  thaw export trec --to safetensors --out trec-transformers
  thaw export trec --to adapter --out trec-adapter            (after thaw adapt --recipe lora, houlsby, …)`

/** Registers `thaw export`. */
export function registerExport(program: Command): void {
  const command = program
    .command('export')
    .summary('write a checkpoint for other programs')
    .description(
      "Writes a checkpoint for other programs: ONNX (a model of a task) for transformers.js and every ONNX runtime, or safetensors for Python's transformers, with the class that gives the same results where it has one; or what an adaptation trained alone, as a small file (adapter).",
    )
    .argument('<checkpoint>', 'folder that thaw adapt or thaw pretrain wrote, or the name of one on a hub')
    .addOption(new Option('--to <format>', 'what to write').choices(exportFormats).makeOptionMandatory())
    .option('--dtype <names>', 'fp32, fp16, int8; for ONNX several, separated by commas', names, ['fp32'])
    .requiredOption('-o, --out <folder>', 'folder to write')
    .option('--overwrite', 'replace what is there')
  addHubOptions(command).addHelpText('after', examples).action(run)
}

async function run(checkpoint: string, options: Options): Promise<void> {
  const { hub, rest } = takeHubOptions(options)
  const { to, dtype, out, overwrite = false } = rest
  refuseUsedFolder(out, '', overwrite)
  const { folder } = await namedCheckpoint(checkpoint, hub)
  const report = await exportCheckpoint(folder, { to, dtype: dtype as ExportDtype[], out, overwrite: true })
  for (const note of report.notes) say(note)
  const size = (bytes: number) => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`)
  print(
    table(
      report.files.map(({ name, bytes }) => [`${out}/${name}`, size(bytes)]),
      [{ title: 'file' }, { title: 'size' }],
    ),
  )
  print('')
  print(nextSteps(report))
}

/** What to run next. */
function nextSteps(report: ExportReport): string {
  const { to, out, className, task } = report
  if (to === 'onnx' && task) return inJavaScript({ ...report, task }).join('\n')
  if (to === 'adapter') return `Thaw reads the folder as it does a classifier's: thaw predict ${shellWord(out)} "…"`
  if (className === undefined) return `Thaw itself reads the folder too: thaw predict ${shellWord(out)} "…"`
  return [
    'In Python (pip install transformers torch):',
    `  from transformers import AutoTokenizer, ${className}`,
    `  tokenizer = AutoTokenizer.from_pretrained(${JSON.stringify(out)})`,
    `  model = ${className}.from_pretrained(${JSON.stringify(out)})`,
  ].join('\n')
}
