// Hands-on 2: adaptation by fine-tuning. A [CLF] token at the end, a linear head on its hidden state, everything trained; beside it the same model from
// random values.
import { accuracy, backbone, compare, percent, questions, run } from './setting.js'

const [from, data] = [await backbone(), await questions()]
const tuned = await run('fine-tuned', from, data, {})
const scratch = await run('from scratch', from, data, { scheme: 'scratch' })
compare(
  'more than 90 % are right after one epoch: fine-tuning is economical with data; settings straight from the literature do',
  `${percent(tuned.epochs[0].accuracy)} after one epoch, ${percent(accuracy(tuned))} at the end; from scratch ${percent(scratch.epochs[0].accuracy)} and ${percent(accuracy(scratch))}`,
)
