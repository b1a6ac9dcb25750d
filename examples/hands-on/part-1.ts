// Hands-on 1: pretraining. A causal Transformer reads text, and its perplexity a word on held-out text says how well.
import { existsSync } from 'node:fs'
import { pretrain } from 'thaw'
import { compare, folder, pretraining } from './setting.js'

const report = await pretrain(pretraining(), {
  out: folder,
  resume: existsSync(`${folder}/training/run.json`) && !existsSync(`${folder}/training/report.json`),
  onEvent(event) {
    if (event.kind === 'model') console.log(`${event.parameters} parameters`)
    if (event.kind === 'step' && event.step % 200 === 0) console.log(`  step ${event.step}: loss ${event.loss.toFixed(2)}`)
    if (event.kind === 'validation') console.log(`  step ${event.step}: perplexity ${event.report.perToken.toFixed(1)} a token`)
  },
})
console.log(`checkpoint: ${folder}\n`)
compare(
  '50 M parameters reach a perplexity of about 29 a word on WikiText-103 in 15 hours on eight V100s (Transformer-XL: about 24)',
  `${(report.parameters / 1e6).toFixed(1)} M parameters, ${report.validation?.perWord.toFixed(1)} a word on held-out text after ${(report.seconds / 60).toFixed(1)} minutes`,
)
