// The packages of the two checkpoints: the package's root is the checkpoint's folder, in half precision, with a card made of what was measured.

import { readFileSync } from 'node:fs'
import { type Backbone, formatCard, type ModelCard, type PretrainReport, writeCheckpoint } from 'thaw'
import { repositoryRoot } from './folders.js'
import { maskedCheckpoint } from './wiki-checkpoints.js'

type Results = NonNullable<ModelCard['results']>

/** What the two cards have in common. */
const common: Omit<ModelCard, 'name' | 'summary'> = {
  licence: 'cc-by-sa-3.0',
  languages: ['en'],
  limits: [
    'A small model that was trained for about an hour on two CPU cores: a start for adaptation to simple tasks, and something to learn with. It knows little of the world.',
    'English only. What Wikipedia says and how it says it, with its biases, is all that it has read.',
  ],
}

const teacher =
  "Teacher: all-MiniLM-L6-v2 (sentence-transformers; Apache-2.0), itself distilled from BERT and trained on a billion sentence pairs. Its hidden states are the targets on Wikipedia's text, and what it makes of single words is the start of the token embeddings; none of its weights are here."
const wikipedia = (shards: string) =>
  `English Wikipedia, long articles, ${shards} (CC BY-SA 3.0); none of the articles of WikiText-2/103 valid or test. The weights are derived from that text.`

const cards: Record<string, () => Omit<ModelCard, 'results'> & { perplexities: Results }> = {
  masked() {
    const report = JSON.parse(readFileSync(`${maskedCheckpoint}/training/report.json`, 'utf8')) as PretrainReport
    return {
      ...common,
      name: 'wiki-masked',
      summary: `A BERT-shaped masked language model: 4 layers × 256, ${millions(report.parameters)} parameters, lower-cased WordPiece of 16,000 entries, 128 positions.`,
      pipeline: 'fill-mask',
      data: [wikipedia('the first four shards of 12 MB'), teacher],
      recipe: [
        `masked language modelling (15 %, 80/10/10) and the teacher's hidden state of every word (squared error × 10), ${report.steps.toLocaleString('en-US')} steps of 8 × 128 tokens, ${millions(report.tokens)} tokens in ${Math.round(report.seconds / 60)} minutes`,
        'AdamW, peak rate 1e-3, 2 % warm-up, cosine, weight decay 0.01, clipping at 1, no dropout',
      ],
      command: 'npm run bench -- wiki-checkpoints masked package',
      perplexities: [
        { dataset: 'Wikipedia, held out', split: 'last 2 %', metric: 'perplexity at a masked place', values: [report.validation!.perToken] },
      ],
    }
  },
  causal() {
    const lines = readFileSync(`${repositoryRoot}/bench/results/pretrain-wiki.jsonl`, 'utf8').trim().split('\n')
    const rows = lines.map((line) => JSON.parse(line) as { metric?: string; ours: number; config: Record<string, number | string> })
    const value = (metric: string, split?: string) => rows.find((row) => row.metric === metric && row.config?.split === split)!
    const { config, ours } = value('held_out_perplexity_per_token')
    const perWord = (split: string) => ({
      ...{ dataset: 'WikiText-2', split, metric: 'perplexity a word, <unk> spelt out' },
      values: [value('perplexity_per_word', `wikitext-2 ${split}`).ours],
    })
    return {
      ...common,
      name: 'wiki-causal',
      summary: `A GPT-2-shaped causal language model: 4 layers × 256, ${millions(Number(config.parameters))} parameters, byte-level BPE of 8,000 entries, 128 positions.`,
      pipeline: 'text-generation',
      data: [wikipedia('the first ten shards of 12 MB')],
      recipe: [
        `causal language modelling, ${Number(config.steps).toLocaleString('en-US')} steps of 16 × 128 tokens, ${millions(Number(config.tokens))} tokens`,
        'AdamW, peak rate 1e-3, 2 % warm-up, cosine, weight decay 0.01, clipping at 1, no dropout',
      ],
      command: 'npm run bench -- pretrain-wiki && npm run bench -- wiki-checkpoints causal package',
      perplexities: [
        { dataset: 'Wikipedia, held out', split: 'last 2 %', metric: 'perplexity a token', values: [ours] },
        perWord('valid'),
        perWord('test'),
      ],
    }
  },
}

const millions = (n: number): string => `${(n / 1e6).toFixed(1)} M`

/** Writes packages/wiki-NAME. @returns what was written, in a line */
export async function writePackage(name: string, backbone: Backbone, results: Results): Promise<string> {
  const { perplexities, ...card } = cards[name]!()
  const folder = `${repositoryRoot}/packages/wiki-${name}`
  const description = { name: `@thaw/wiki-${name}`, version: '0.1.0', description: card.summary, license: 'CC-BY-SA-3.0' }
  const files = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors']
  await writeCheckpoint(folder, {
    config: backbone.details,
    parameters: [...backbone.parameters].map(([path, { shape, data }]) => ({ path, shape, data })),
    tokenizer: backbone.tokenizer,
    dtype: 'F16',
    extra: {
      'README.md': formatCard({ ...card, results: [...results, ...perplexities] }),
      'package.json': `${JSON.stringify({ ...description, files }, undefined, 2)}\n`,
    },
  })
  return `wrote ${folder}`
}
