// A causal model of about 5 M parameters on Wikipedia, and its perplexity per word on WikiText-2. The run is kept in bench/.cache/pretrain-wiki
// and goes on where it was stopped; packages/wiki-causal is made of what it leaves there.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createExecutor } from '@thaw/tensor'
import { loadInto, loadTokenizer, type PretrainReport, parameterShapes, perplexityEvaluator, pretrain, readCheckpoint, tokenizeCorpus } from 'thaw'
import type { BenchOptions } from './benchmark.js'
import { dataFolder } from './data.js'
import { repositoryRoot } from './folders.js'
import type { Row } from './row.js'
import { detokenize, wikitextWords } from './wikitext.js'

export const about = 'a 5 M causal model on Wikipedia (about 40 minutes, resumable), perplexity per word on WikiText-2'

/** In the README's table. */
export const headline = ({ config, metric }: Row): string | undefined =>
  metric === 'held_out_perplexity_per_token' ? `Pretraining on Wikipedia for ${String(config.minutes)} minutes: perplexity a token` : undefined

/** The checkpoint that this benchmark leaves. */
export const wikiCheckpoint = `${repositoryRoot}/bench/.cache/pretrain-wiki`

export async function run({ quick, log }: BenchOptions): Promise<Row[]> {
  const data = dataFolder()
  const folder = quick ? `${wikiCheckpoint}-quick` : wikiCheckpoint
  mkdirSync(folder, { recursive: true })
  const report = await pretrained(folder, data, quick, log)
  const config = {
    size: quick ? 'nano' : 'tiny',
    parameters: report.parameters,
    steps: report.steps,
    tokens: report.tokens,
    minutes: Math.round(report.minutes),
  }
  const rows: Row[] = [{ bench: 'pretrain-wiki', config, metric: 'held_out_perplexity_per_token', unit: 'perplexity', ours: report.perToken }]
  for (const split of ['valid', 'test']) {
    const { perWord, perToken } = await wikitext(folder, `${data}/wikitext-2/${split}.txt`)
    rows.push({
      bench: 'pretrain-wiki',
      config: { ...config, split: `wikitext-2 ${split}` },
      metric: 'perplexity_per_word',
      unit: 'perplexity',
      ours: perWord,
    })
    rows.push({
      bench: 'pretrain-wiki',
      config: { ...config, split: `wikitext-2 ${split}` },
      metric: 'perplexity_per_token',
      unit: 'perplexity',
      ours: perToken,
    })
  }
  log('WikiText was detokenized; <unk> stays as literal text; words are its own tokens plus one end mark a line')
  return rows
}

interface Done {
  parameters: number
  steps: number
  tokens: number
  minutes: number
  perToken: number
}

async function pretrained(folder: string, data: string, quick: boolean, log: (message: string) => void): Promise<Done> {
  const done = `${folder}/training/done.json`
  if (existsSync(done)) return JSON.parse(readFileSync(done, 'utf8')) as Done
  const resume = existsSync(`${folder}/training/run.json`)
  const minutesFile = `${folder}/training/minutes.json`
  const before = resume && existsSync(minutesFile) ? (JSON.parse(readFileSync(minutesFile, 'utf8')) as number) : 0
  const start = performance.now()
  const minutes = () => before + (performance.now() - start) / 60_000
  const shape = quick ? { batch: 8, time: 64 } : { batch: 16, time: 128 }
  const shards = quick ? ['wiki-00.txt.br'] : ['wiki-0*.txt.br']
  const report: PretrainReport = await pretrain(
    {
      text: shards.map((name) => `${data}/wiki/${name}`),
      documents: 'articles',
      size: quick ? 'nano' : 'tiny',
      steps: quick ? 30 : 5000,
      rate: 1e-3,
      seed: 1,
      ...shape,
      ...(quick ? {} : { validateEvery: 500 }),
    },
    {
      out: folder,
      resume,
      onEvent(event) {
        if (event.kind === 'step' && event.step % 50 === 0) log(`step ${event.step}: loss ${event.loss.toFixed(3)}, ${minutes().toFixed(1)} min`)
        if (event.kind === 'validation') log(`step ${event.step}: held-out perplexity ${event.report.perToken.toFixed(1)} a token`)
        if (event.kind === 'saved') writeFileSync(minutesFile, JSON.stringify(minutes()))
        if (event.kind === 'plan')
          log(
            `${event.steps} steps of ${event.tokensPerStep} tokens, about ${(((event.steps - event.from) * event.secondsPerStep) / 60).toFixed(0)} min to go`,
          )
      },
    },
  )
  const result: Done = {
    parameters: report.parameters,
    steps: report.steps,
    tokens: report.steps * shape.batch * shape.time,
    minutes: minutes(),
    perToken: report.validation?.perToken ?? Number.NaN,
  }
  writeFileSync(done, JSON.stringify(result))
  return result
}

async function wikitext(folder: string, file: string) {
  const text = readFileSync(file, 'utf8')
  const plain = `${folder}/training/${file.split('/').at(-1)}`
  writeFileSync(plain, text.split('\n').map(detokenize).join('\n'))
  const tokenizer = await loadTokenizer(folder)
  await using cache = await tokenizeCorpus([plain], { tokenizer, cacheFolder: `${folder}/training/cache`, documents: 'file' })
  await using checkpoint = await readCheckpoint(folder)
  const { model } = checkpoint.config
  await using executor = await createExecutor()
  const params = await executor.store('params')
  const shapes = parameterShapes(model)
  await params.declare([...shapes].map(([path, shape]) => ({ path, shape, dtype: 'f32' })))
  for (const [path, values] of (await loadInto(checkpoint, shapes)).data) await params.write(path, values)
  const evaluator = await perplexityEvaluator(executor, model, params, { batch: 16, time: model.positions })
  return await evaluator.evaluate(cache, { words: wikitextWords(text), first: tokenizer.special.eos?.id ?? 0 })
}
