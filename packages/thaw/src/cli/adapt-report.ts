// What `thaw adapt` prints when all seeds are done: scores, the table over seeds, the floor, mistakes, and the commands to go on with.

import type { Example } from '../data/index.js'
import { duration } from '../log/format.js'
import { table } from '../log/table.js'
import { formatMeanDeviation } from '../metrics/deviation.js'
import type { Task } from '../tasks/task.js'
import type { AdaptData } from './adapt-data.js'
import type { SeedResult } from './adapt-seeds.js'
import type { Floor } from './floor.js'
import { named, namedResult, print, say, shellWord } from './screen.js'
import { formatTaskDetails, formatTaskScores, scoreColumns } from './task-evaluation.js'

/** Prints the report of a run over one or several seeds; `best` is the one that was kept. */
export function printReport(
  results: readonly SeedResult[],
  best: SeedResult,
  { out, data }: { out: string; data: AdaptData },
  floor: Floor | undefined,
): void {
  const shown = best.test ?? best.valid
  const several = results.length > 1
  print('')
  if (several) print(`${seedTable(results)}\n`)
  const { report } = best
  const epoch = `epoch ${report.bestEpoch} of ${report.epochs.length}, trained in ${duration(report.seconds)}: ${out}`
  print(namedResult('kept', several ? `seed ${best.seed}, ${epoch}` : epoch))
  print(formatTaskScores('validation', best.valid))
  if (best.test) print(formatTaskScores('test', best.test))
  if (floor) print(namedResult('floor', `${floor.scores} on the ${floor.name} examples: ${floor.method}`))
  print(`\non the ${best.test ? 'test' : 'validation'} examples\n\n${formatTaskDetails(shown, process.stdout.columns ?? 100)}`)
  for (const line of nextCommands(out, (data.test ?? data.valid)[0]!, data.task)) say(line)
}

/** A text as a word of the command line, in quotes. One with quotes, line ends or signs that a shell reads is not shown: another stands for it. */
const quoted = (text: string, instead: string): string => `"${/^[\p{L}\p{N} ,.?;:()-]+$/u.test(text) ? text.slice(0, 60) : instead}"`

/** What to do with the model, as commands to copy. */
function nextCommands(out: string, { text, pair, choices = [] }: Example, task: Task): string[] {
  const folder = shellWord(out)
  const texts = [
    quoted(text, 'some text'),
    ...(pair === undefined ? [] : [quoted(pair, 'another text')]),
    ...choices.map((choice) => quoted(choice, 'a candidate')),
  ]
  return [
    '',
    named('try it', `thaw predict ${folder} ${texts.join(' ')}`),
    named('', `thaw predict ${folder} --file new.csv --out labelled.csv`),
    ...(task.kind === 'classification' && task.form === 'cross-encoder'
      ? [named('ship it', `thaw export ${folder} --to onnx --dtype int8 --out ${shellWord(`${out}-onnx`)}`)]
      : []),
  ]
}

function seedTable(results: readonly SeedResult[]): string {
  const rows = results.map(({ seed, valid, test, report }) => ({
    seed,
    report,
    columns: [...scoreColumns(valid), ...(test ? scoreColumns(test) : [])],
  }))
  const width = scoreColumns(results[0]!.valid).length
  const titles = rows[0]!.columns.map(({ title }, k) => (k % width === 0 ? `${k < width ? 'validation' : 'test'} ${title}` : title))
  const body = rows.map(({ seed, report, columns }) => [
    String(seed),
    ...columns.map(({ value }) => (100 * value).toFixed(1)),
    report.bestEpoch,
    duration(report.seconds),
  ])
  const means = titles.map((_, k) =>
    formatMeanDeviation(
      rows.map(({ columns }) => columns[k]!.value),
      { scale: 100 },
    ),
  )
  return table([...body, ['mean ± deviation', ...means]], [{ title: 'seed', align: 'left' }, ...titles, 'epoch', 'time'])
}
