// What `thaw adapt` prints when all seeds are done: scores, the table over seeds, the floor, mistakes, and the commands to go on with.

import type { Example } from '../data/index.js'
import { duration } from '../log/format.js'
import { table } from '../log/table.js'
import { degenerateRuns, type Failure, majorityShare } from '../metrics/degenerate.js'
import { formatMeanDeviation } from '../metrics/deviation.js'
import type { AdaptData } from './adapt-data.js'
import type { SeedResult } from './adapt-seeds.js'
import type { Floor } from './floor.js'
import { calledAs, named, namedResult, percent, print, say, shellWord } from './screen.js'
import { formatTaskDetails, formatTaskScores, scoreColumns, type TaskEvaluation } from './task-evaluation.js'

/** Prints the report of a run over one or several seeds; `best` is the one that was kept. */
export function printReport(
  results: readonly SeedResult[],
  best: SeedResult,
  { out, data }: { out: string; data: AdaptData },
  { floor, failures }: { floor: Floor | undefined; failures: readonly (Failure | undefined)[] },
): void {
  const shown = best.test ?? best.valid
  const several = results.length > 1
  print('')
  if (several) print(`${seedTable(results, failures)}\n`)
  for (const line of describeFailures(results, failures, data)) print(line)
  const { report } = best
  const epoch = `epoch ${report.bestEpoch} of ${report.epochs.length}, trained in ${duration(report.seconds)}: ${out}`
  print(namedResult('kept', several ? `seed ${best.seed}, ${epoch}` : epoch))
  print(formatTaskScores('validation', best.valid))
  if (best.test) print(formatTaskScores('test', best.test))
  if (floor) print(namedResult('floor', `${floor.scores} on the ${floor.name} examples: ${floor.method}`))
  print(`\non the ${best.test ? 'test' : 'validation'} examples\n\n${formatTaskDetails(shown, process.stdout.columns ?? 100)}`)
  for (const line of nextCommands(out, (data.test ?? data.valid)[0]!, data)) say(line)
}

/** A text as a word of the command line, in quotes. One with quotes, line ends, signs that a shell reads or a dash in front is not shown: another stands for it. */
const quoted = (text: string, instead: string): string => `"${/^[\p{L}\p{N}][\p{L}\p{N} ,.?;:()-]*$/u.test(text) ? text.slice(0, 60) : instead}"`

/** What to do with the model, as commands to copy. */
function nextCommands(out: string, { text, pair, choices = [] }: Example, { unlabelled }: AdaptData): string[] {
  const folder = shellWord(out)
  const texts = [
    quoted(text, 'some text'),
    ...(pair === undefined ? [] : [quoted(pair, 'another text')]),
    ...choices.map((choice) => quoted(choice, 'a candidate')),
  ]
  return [
    '',
    named('try it', `${calledAs} predict ${folder} ${texts.join(' ')}`),
    named(
      '',
      [
        `${calledAs} predict`,
        folder,
        `--file new.${unlabelled.ending}`,
        ...unlabelled.options.map((word) => shellWord(word)),
        `--out labelled.${unlabelled.ending}`,
      ].join(' '),
    ),
    named('ship it', `${calledAs} export ${folder} --to onnx --dtype int8 --out ${shellWord(`${out}-onnx`)}`),
  ]
}

const accuracyOf = (found: TaskEvaluation): number | undefined => (found.kind === 'classification' ? found.report.accuracy : undefined)

/** Each run's accuracy on the examples that the report is about, and that of always saying their commonest label; undefined where the task has no labels. */
function accuracies(results: readonly SeedResult[], { valid, test }: AdaptData): { runs: number[]; majority: number } | undefined {
  const runs = results.map((x) => accuracyOf(x.test ?? x.valid)).filter((x) => x !== undefined)
  return runs.length === results.length ? { runs, majority: majorityShare((test ?? valid).map(({ label }) => label)) } : undefined
}

/** The runs that failed as a whole. */
export function failuresOf(results: readonly SeedResult[], data: AdaptData): (Failure | undefined)[] {
  const found = results.length < 2 ? undefined : accuracies(results, data)
  return found ? degenerateRuns(found.runs, found.majority) : results.map(() => undefined)
}

/** The failed runs by name, and what the others are in the mean. */
function describeFailures(results: readonly SeedResult[], failures: readonly (Failure | undefined)[], data: AdaptData): string[] {
  const found = accuracies(results, data)
  if (!found || !failures.some(Boolean)) return []
  const why = {
    majority: `not above that of always saying the commonest label (${percent(found.majority)})`,
    outlier: 'far below the others (more than 10 points and 3 deviations)',
  }
  const others = found.runs.filter((_, i) => !failures[i])
  return [
    ...results.flatMap((x, i) =>
      failures[i] ? [namedResult(`seed ${x.seed}`, `failed: accuracy ${percent(found.runs[i]!)} is ${why[failures[i]!]}`)] : [],
    ),
    ...(others.length > 0 ? [namedResult('', `the ${others.length} others: accuracy ${formatMeanDeviation(others, { scale: 100 })} %`)] : []),
    namedResult('', 'such runs happen with some seeds; a lower rate, a longer warm-up or more seeds help'),
    '',
  ]
}

function seedTable(results: readonly SeedResult[], failures: readonly (Failure | undefined)[]): string {
  const rows = results.map(({ seed, valid, test, report }, i) => ({
    seed: failures[i] ? `${seed} failed` : String(seed),
    report,
    columns: [...scoreColumns(valid), ...(test ? scoreColumns(test) : [])],
  }))
  const width = scoreColumns(results[0]!.valid).length
  const titles = rows[0]!.columns.map(({ title }, k) => (k % width === 0 ? `${k < width ? 'validation' : 'test'} ${title}` : title))
  const body = rows.map(({ seed, report, columns }) => [
    seed,
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
