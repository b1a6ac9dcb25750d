// `thaw curves`: the recorded metrics of one or more runs, laid over each other on one HTML page.

import { existsSync, readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command } from 'commander'
import { readMetrics } from '../log/run-log.js'
import { htmlReport } from '../report/report.js'
import type { Point, Section } from '../report/sections.js'
import { print } from './screen.js'

/** What a chart is called; metrics that are not here come last, under their own names. */
const titles: Record<string, { title: string; unit: string; log?: boolean }> = {
  loss: { title: 'Training loss (running mean)', unit: 'nats' },
  validLoss: { title: 'Validation loss', unit: 'nats' },
  validPerplexity: { title: 'Validation perplexity per token', unit: 'perplexity', log: true },
  validWordPerplexity: { title: 'Validation perplexity per word', unit: 'perplexity', log: true },
  validAccuracy: { title: 'Validation accuracy', unit: 'accuracy' },
  validMacroF1: { title: 'Validation macro-F1', unit: 'macro-F1' },
  rate: { title: 'Learning rate', unit: 'rate' },
  gradientNorm: { title: 'Norm of the gradients', unit: 'norm', log: true },
}

/** Registers `thaw curves`. */
export function registerCurves(program: Command): void {
  program
    .command('curves')
    .summary('draw the curves of runs on one page')
    .description('Draws loss, validation and rate of one or more runs over each other, on one HTML page that needs nothing else.')
    .argument('<runs...>', 'folders of runs')
    .option('-o, --out <file>', 'HTML file to write', 'curves.html')
    .action(async (runs: string[], { out }: { out: string }) => {
      await writeCurves(runs, out)
      print(out)
    })
}

/** Writes the page. @throws where a folder holds no recorded run. */
export async function writeCurves(runs: readonly string[], out: string): Promise<void> {
  const recorded = runs.flatMap((run) => metricsOf(run).map(([name, path]) => ({ name, lines: readMetrics(path) })))
  const metrics = new Set([...Object.keys(titles), ...recorded.flatMap(({ lines }) => lines.flatMap((line) => Object.keys(line)))])
  for (const name of ['step', 'time']) metrics.delete(name)
  const sections = [...metrics].flatMap((metric): Section[] => {
    const series = recorded.flatMap(({ name, lines }) => {
      const points = lines.flatMap((line): Point[] => (typeof line[metric] === 'number' ? [[line.step, line[metric]]] : []))
      return points.length === 0 ? [] : [{ name, points: metric === 'loss' ? runningMean(points) : points }]
    })
    if (series.length === 0) return []
    const { title, unit, log } = titles[metric] ?? { title: metric, unit: metric }
    return [{ kind: 'lines', title, series, x: { title: 'step' }, y: { title: unit, ...(log ? { log } : {}) } }]
  })
  await writeFile(out, htmlReport({ title: 'Training curves', subtitle: runs.join(', '), sections }))
}

/** The recorded metrics of a run's folder, by name: one of a pretraining run, one for each seed of an adaptation. */
function metricsOf(run: string): [name: string, path: string][] {
  const training = join(run, 'training')
  const own = join(training, 'metrics.jsonl')
  if (existsSync(own)) return [[run, own]]
  const seeds = existsSync(training) ? readdirSync(training).filter((name) => existsSync(join(training, name, 'metrics.jsonl'))) : []
  if (seeds.length > 0) return seeds.map((seed) => [seeds.length > 1 ? `${run} ${seed}` : run, join(training, seed, 'metrics.jsonl')])
  throw new Error(`${run}: no recorded run here (expected training/metrics.jsonl); name the folder that was given with --out`)
}

/** Each point the mean of those around it, a fiftieth of the curve wide: single losses jump too much to compare. */
function runningMean(points: readonly Point[]): Point[] {
  const half = Math.floor(points.length / 100)
  return points.map(([x], i) => {
    const around = points.slice(Math.max(0, i - half), i + half + 1)
    return [x, around.reduce((sum, [, y]) => sum + y, 0) / around.length]
  })
}
