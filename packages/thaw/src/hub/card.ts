// A model card (Mitchell et al. 2019) in the hub's format: facts as YAML for machines, the same for people below (https://huggingface.co/docs/hub/model-cards).

import { formatMeanDeviation, meanDeviation } from '../metrics/deviation.js'
import { isRemoteName } from './remote/names.js'

export interface CardResult {
  /** For example `TREC-6`. */
  dataset: string
  split: string
  /** `accuracy`, `macro-F1`, `Pearson`, `perplexity`, … */
  metric: string
  /** One value a seed; accuracies as fractions. */
  values: readonly number[]
}

export interface ModelCard {
  name: string
  /** What it does, in a sentence or two. */
  summary: string
  /** The hub's name of the task: `text-classification`, `text-generation`, `fill-mask`, … */
  pipeline?: string
  /** SPDX, lower case as the hub wants it: `apache-2.0`. */
  licence?: string
  /** ISO 639: `en`. */
  languages?: readonly string[]
  /** The checkpoint it was adapted from. */
  base?: string
  /** The branch, tag or commit of it that was asked for. */
  baseRevision?: string
  /** What it was trained on. */
  data?: readonly string[]
  results?: readonly CardResult[]
  /** The recipe, a line each. */
  recipe?: readonly string[]
  /** The command that made it. */
  command?: string
  /** What it does not do, and what it should not be used for. */
  limits?: readonly string[]
}

/** What the hub calls metrics that people call otherwise. */
const hubMetrics: Readonly<Record<string, string>> = { 'macro-F1': 'f1', 'micro-F1': 'f1', Pearson: 'pearson', Spearman: 'spearmanr' }

/** Metrics that are printed in per cent. */
const isShare = (metric: string): boolean => /accuracy|f1|precision|recall/i.test(metric)

/** A string that is the same in YAML and in JSON. */
const quoted = (text: string): string => JSON.stringify(text)

/** The card as README.md. Accuracies are printed in per cent, with their deviation over seeds. */
export function formatCard(card: ModelCard): string {
  const { name, summary, results = [], recipe = [], limits = [] } = card
  return [
    frontMatter(card),
    `# ${name}`,
    summary,
    ...(results.length > 0 ? ['## Results', resultsTable(results)] : []),
    ...(card.data ? ['## Training data', card.data.map((line) => `- ${line}`).join('\n')] : []),
    ...(card.base ? [`Adapted from \`${card.base}\`${card.baseRevision ? `, revision \`${card.baseRevision}\`` : ''}.`] : []),
    ...(recipe.length > 0 ? ['## Recipe', recipe.map((line) => `    ${line}`).join('\n')] : []),
    ...(card.command ? ['## How it was made', `    ${card.command}`] : []),
    ...(limits.length > 0 ? ['## Limits', limits.map((line) => `- ${line}`).join('\n')] : []),
  ]
    .join('\n\n')
    .concat('\n')
}

/**
 * What a card says for machines of licence and languages; nothing where it says nothing, or is none.
 *
 * ```ts
 * cardFacts('---\nlicense: apache-2.0\nlanguage: en\n---\n# MiniLM')   // { licence: 'apache-2.0', languages: ['en'] }
 * ```
 */
export function cardFacts(text: string): Pick<ModelCard, 'licence' | 'languages'> {
  const header = /^---\r?\n([\s\S]*?)\r?\n---/.exec(text)?.[1] ?? ''
  const values = (name: string): string[] => {
    const [, inline = '', below = ''] = new RegExp(`^${name}:[ \\t]*(.*)((?:\\r?\\n[ \\t]*-[ \\t]+.*)*)`, 'm').exec(header) ?? []
    return [...inline.replace(/^\[|\]$/g, '').split(','), ...below.split('\n').map((line) => line.replace(/^\s*-/, ''))]
      .map((value) => value.trim().replace(/^["']|["']$/g, ''))
      .filter((value) => value !== '')
  }
  const [[licence], languages] = [values('license'), values('language')]
  return { ...(licence === undefined ? {} : { licence }), ...(languages.length > 0 ? { languages } : {}) }
}

function frontMatter({ name, pipeline, licence, languages, base, results = [] }: ModelCard): string {
  const lines = ['---', 'library_name: thaw']
  if (licence) lines.push(`license: ${quoted(licence)}`)
  if (languages) lines.push(`language: [${languages.map(quoted).join(', ')}]`)
  if (pipeline) lines.push(`pipeline_tag: ${quoted(pipeline)}`)
  if (base && isRemoteName(base)) lines.push(`base_model: ${quoted(base)}`)
  if (results.length > 0) {
    lines.push('model-index:', `- name: ${quoted(name)}`, '  results:')
    for (const { dataset, split, metric, values } of results)
      lines.push(
        '  - task:',
        `      type: ${quoted(pipeline ?? 'text-classification')}`,
        '    dataset:',
        `      name: ${quoted(dataset)}`,
        `      type: ${quoted(dataset.toLowerCase().replace(/[^a-z0-9]+/g, '-'))}`,
        `      split: ${quoted(split)}`,
        '    metrics:',
        `    - type: ${quoted(hubMetrics[metric] ?? metric)}`,
        `      value: ${meanDeviation(values).mean}`,
        `      name: ${quoted(`${metric}, ${ofSeeds(values)}`)}`,
      )
  }
  return [...lines, '---'].join('\n')
}

/** The hub has no field for the spread of a metric: it is part of its name. */
const ofSeeds = (values: readonly number[]): string =>
  values.length === 1 ? 'one seed' : `mean of ${values.length} seeds, deviation ${Number(meanDeviation(values).deviation.toPrecision(3))}`

function resultsTable(results: readonly CardResult[]): string {
  const rows = results.map(({ dataset, split, metric, values }) => {
    const share = isShare(metric)
    const text = formatMeanDeviation(values, share ? { scale: 100, digits: 1 } : { digits: values.every((value) => Math.abs(value) <= 1) ? 3 : 2 })
    return `| ${dataset} | ${split} | ${metric} | ${text}${share ? ' %' : ''} | ${values.length} |`
  })
  return ['| Data | Split | Metric | Value | Seeds |', '|---|---|---|---|---|', ...rows].join('\n')
}
