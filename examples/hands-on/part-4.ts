// Hands-on 4: gradual unfreezing. Embeddings and head train from the start, one more layer from the top at each interval, all at the end.
import { recipes } from 'thaw'
import { accuracy, backbone, compare, percent, questions, run } from './setting.js'

const [from, data] = [await backbone(), await questions()]
const full = await run('fine-tuned', from, data, {})
const gradual = await run('gradually unfrozen', from, data, { recipe: recipes['tutorial-unfreezing']() })
compare(
  'no settings are known for Transformers, and residual connections may ask for others than LSTMs: better ones can probably be found',
  `${percent(accuracy(gradual))} gradually, ${percent(accuracy(full))} all at once`,
)
