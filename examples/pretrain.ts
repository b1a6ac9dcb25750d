// Pretraining with its events: what is planned, the validation, and a run that is stopped half-way and goes on where it stood.
import { load, pretrain } from 'thaw'

const settings = {
  text: ['examples/data/facts.txt'],
  documents: 'line' as const,
  size: 'nano' as const,
  vocabulary: 400,
  config: { layers: 1, hidden: 64, heads: 4, inner: 128 },
  batch: 8,
  time: 32,
  rate: 3e-3,
  steps: 40,
  validateEvery: 20,
}
const out = 'runs/pretrain'

// stop after step 30, as ^C does: everything is saved
const stop = new AbortController()
const first = await pretrain(settings, { out, signal: stop.signal, onEvent: (event) => event.kind === 'step' && event.step === 30 && stop.abort() })
console.log(`stopped after step ${first.steps}`)

const report = await pretrain(settings, {
  out,
  resume: true,
  onEvent(event) {
    if (event.kind === 'model') console.log(`${event.parameters} parameters`)
    if (event.kind === 'plan') console.log(`from step ${event.from} to ${event.steps}, ${event.tokensPerStep} tokens each`)
  },
})
console.log(`validation perplexity: ${report.validation!.perToken.toFixed(0)} a token`)

const { config, parameters } = await load(out) // a checkpoint folder: config.json, tokenizer.json, model.safetensors
console.log(config.layers, 'layer,', parameters.get('layers.0.attention.query.weight')!.shape.join(' × '))
// stopped after step 30
// 63296 parameters
// from step 30 to 40, 256 tokens each
// validation perplexity: 115 a token
// 1 layer, 64 × 64
