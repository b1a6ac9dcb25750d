// A model card (Mitchell et al. 2019) in the hub's format: facts as YAML for machines, the same for people below (https://huggingface.co/docs/hub/model-cards).

import { formatMeanDeviation } from '../metrics/deviation.js'

export interface CardResult {
  /** For example `TREC-6`. */
  dataset: string
  split: string
  /** `accuracy`, `f1`, `perplexity`, … */
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
    ...(card.base ? [`Adapted from \`${card.base}\`.`] : []),
    ...(recipe.length > 0 ? ['## Recipe', recipe.map((line) => `    ${line}`).join('\n')] : []),
    ...(card.command ? ['## How it was made', `    ${card.command}`] : []),
    ...(limits.length > 0 ? ['## Limits', limits.map((line) => `- ${line}`).join('\n')] : []),
  ]
    .join('\n\n')
    .concat('\n')
}

function frontMatter({ name, pipeline, licence, languages, base, results = [] }: ModelCard): string {
  const lines = ['---', 'library_name: thaw']
  if (licence) lines.push(`license: ${quoted(licence)}`)
  if (languages) lines.push(`language: [${languages.map(quoted).join(', ')}]`)
  if (pipeline) lines.push(`pipeline_tag: ${quoted(pipeline)}`)
  if (base) lines.push(`base_model: ${quoted(base)}`)
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
        `    - type: ${quoted(metric)}`,
        `      value: ${values.reduce((a, b) => a + b, 0) / values.length}`,
        `      name: ${quoted(`${metric}, mean of ${values.length} ${values.length === 1 ? 'seed' : 'seeds'}`)}`,
      )
  }
  return [...lines, '---'].join('\n')
}

function resultsTable(results: readonly CardResult[]): string {
  const rows = results.map(({ dataset, split, metric, values }) => {
    const share = values.every((value) => value >= 0 && value <= 1)
    const text = formatMeanDeviation(values, share ? { scale: 100, digits: 1 } : { digits: 2 })
    return `| ${dataset} | ${split} | ${metric} | ${text}${share ? ' %' : ''} | ${values.length} |`
  })
  return ['| Data | Split | Metric | Value | Seeds |', '|---|---|---|---|---|', ...rows].join('\n')
}
