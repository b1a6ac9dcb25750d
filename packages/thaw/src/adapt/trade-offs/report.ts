// A comparison of schemes as people read it: a table for the terminal, a page with the same numbers drawn.

import { count, duration } from '../../log/format.js'
import { table } from '../../log/table.js'
import { formatMeanDeviation } from '../../metrics/deviation.js'
import { htmlReport } from '../../report/report.js'
import type { Section } from '../../report/sections.js'
import type { TradeOffReport, TradeOffRow } from './trade-offs.js'

/** A size in bytes as people read it: `310 kB`, `91 MB`. */
const bytes = (n: number): string =>
  n < 1e6 ? `${Math.round(n / 1e3)} kB` : n < 1e9 ? `${(n / 1e6).toFixed(n < 1e7 ? 1 : 0)} MB` : `${(n / 1e9).toFixed(1)} GB`
const share = ({ trained, parameters }: TradeOffRow): number => (100 * trained) / parameters

const columns: [string, (row: TradeOffRow) => string | undefined][] = [
  ['scheme', (row) => row.scheme],
  ['trained', (row) => count(row.trained)],
  ['share', (row) => `${Number(share(row).toPrecision(2))} %`],
  ['stored', (row) => bytes(row.bytes)],
  ['time', (row) => duration(row.seconds.mean)],
  ['memory', (row) => bytes(row.peakMemory)],
  ['validation', (row) => formatMeanDeviation(row.valid, { scale: 100 })],
  ['test', (row) => row.test && formatMeanDeviation(row.test, { scale: 100 })],
  ['forgetting', (row) => row.forgetting && formatMeanDeviation(row.forgetting, { digits: 2 })],
  ['rate', (row) => row.rate.toPrecision(1)],
  ['strength', (row) => row.strength?.toPrecision(1)],
]

function cells({ rows }: TradeOffReport): { titles: string[]; lines: string[][] } {
  const shown = columns.filter(([, of]) => rows.some((row) => of(row) !== undefined))
  return { titles: shown.map(([title]) => title), lines: rows.map((row) => shown.map(([, of]) => of(row) ?? '·')) }
}

/** Runs without a result, a line each. */
const divergences = ({ diverged }: TradeOffReport): string[] =>
  diverged.map(({ scheme, seed, message }) => `${scheme}, seed ${seed}, diverged and is not in the table: ${message}`)

/** What is said of the task's text and of tuning, a line each. */
function whenToTune({ task, gap, loss }: TradeOffReport): string[] {
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`
  return [
    ...(gap === undefined
      ? []
      : [`full fine-tuning is ${Math.abs(100 * gap).toFixed(1)} points ${gap < 0 ? 'worse' : 'better'} than the frozen model`]),
    ...(task
      ? [
          `Jensen–Shannon divergence of the words ${task.jensenShannon.toFixed(3)} bits (0: the same text, 1: no word in common)`,
          `${percent(task.vocabularyOverlap)} of the task's frequent words are frequent in the pretraining text; it has ${percent(task.knownWords)} of the running words`,
        ]
      : []),
    ...(task?.loss !== undefined && loss !== undefined
      ? [
          `the checkpoint's perplexity is ${Math.exp(task.loss).toFixed(1)} a token on the task's text, ${Math.exp(loss).toFixed(1)} on the pretraining text`,
        ]
      : []),
  ]
}

/** The comparison as a table, and below it what the numbers are. */
export function formatTradeOffs(report: TradeOffReport): string {
  const { titles, lines } = cells(report)
  const shown = report.rows.length > 0 ? [table(lines, titles), ''] : []
  return [...shown, ...divergences(report), ...whenToTune(report)].join('\n').trimEnd()
}

/** The comparison as a page that needs nothing else. */
export function tradeOffsPage(report: TradeOffReport): string {
  const { rows, seeds, checkpoint, examples, loss } = report
  const tested = rows.some((row) => row.test)
  const accuracy = (row: TradeOffRow) => row.test ?? row.valid
  const what = tested ? 'test accuracy, %' : 'validation accuracy, %'
  const spread = seeds.length > 1 ? `Mean ± deviation over ${seeds.length} seeds.` : 'One seed: its spread is not known.'
  const { titles, lines } = cells(report)
  const results: Section[] = [
    {
      ...{
        kind: 'points',
        title: 'What training more of the model brings',
        x: { title: 'trained parameters, % of the model', log: true },
        y: { title: what },
      },
      text: `Each point is a scheme; the whiskers are the deviation over seeds.`,
      points: rows.map((row) => ({ name: row.scheme, x: share(row), y: 100 * accuracy(row).mean, deviation: 100 * accuracy(row).deviation })),
    },
    {
      kind: 'table',
      title: 'Costs and results',
      text: `${spread} Stored: what one more task takes on disk. Memory: the largest of a run's process.`,
      columns: titles,
      rows: lines,
    },
    ...(rows.some((row) => row.forgetting)
      ? [
          {
            kind: 'bars' as const,
            title: 'Forgetting',
            text: `How much the pretraining loss rose on the given text (before: ${loss!.toFixed(2)} nats a token), with what the scheme put into the network in place. Taken out again, an adapter leaves the model as it was.`,
            value: { title: 'nats a token' },
            bars: rows.flatMap((row) => (row.forgetting ? [{ name: row.scheme, ...row.forgetting }] : [])),
          },
        ]
      : []),
    { kind: 'bars', title: 'Time', value: { title: 'seconds' }, bars: rows.map((row) => ({ name: row.scheme, ...row.seconds })) },
  ]
  const sections: Section[] = [
    ...(rows.length > 0 ? results : []),
    ...(report.diverged.length > 0
      ? [
          {
            kind: 'prose' as const,
            title: 'Without a result',
            text: 'A run whose loss is no longer a number wants a lower rate (--rates), or a weaker pull (--strengths).',
            paragraphs: divergences(report),
          },
        ]
      : []),
    ...(whenToTune(report).length > 0
      ? [
          {
            kind: 'prose' as const,
            title: 'When to tune',
            text: 'The nearer the task is to the pretraining, the less tuning adds to a frozen model (Peters, Ruder & Smith 2019).',
            paragraphs: whenToTune(report),
          },
        ]
      : []),
  ]
  return htmlReport({
    title: 'Trade-offs of adaptation',
    subtitle: `${checkpoint}, ${examples.train} training, ${examples.valid} validation and ${examples.test} test examples, ${seeds.length} ${seeds.length === 1 ? 'seed' : 'seeds'}`,
    sections,
  })
}
