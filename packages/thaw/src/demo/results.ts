// What the demo leaves beside its models: the page for people, the same numbers for programs.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DemoResult } from './demo.js'
import { demoPage } from './page.js'
import { gain } from './summary.js'

/** Writes report.html and results.json. Shares are fractions, times seconds, losses nats a token; lists have one entry a seed. */
export async function writeResults(out: string, result: DemoResult): Promise<void> {
  const { data, pretraining, plan, report: _, ...rest } = result
  const { loss: __, validLoss, ...pretrained } = pretraining
  const numbers = {
    ...rest,
    labels: data.labels,
    examples: { train: plan.data.train, valid: plan.data.valid, test: plan.data.test, pretraining: data.text.length },
    pretraining: { ...pretrained, validLoss },
    gain: gain(result),
    settings: { pretrain: plan.pretrain, vocabulary: plan.vocabulary, adapt: plan.adapt },
  }
  await writeFile(join(out, 'results.json'), `${JSON.stringify(numbers, undefined, 2)}\n`)
  await writeFile(join(out, 'report.html'), demoPage(result))
}
