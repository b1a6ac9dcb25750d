// Hands-on 3: adapters. Bottlenecks with a skip connection in every layer, with all embeddings as in the tutorial, or lean: adapters, norms and the head alone.
import { houlsby, recipe, recipes } from 'thaw'
import { accuracy, backbone, compare, percent, questions, run, settings, share } from './setting.js'

const [from, data] = [await backbone(), await questions()]
const rate = 10 * settings.rate!
const full = await run('fine-tuned', from, data, {})
const adapters = await run("the tutorial's adapters", from, data, { recipe: recipes['tutorial-adapters'](), rate })
const lean = await run('lean adapters', from, data, { recipe: recipe(houlsby({ size: 32 })), rate })
compare(
  'adapters with the embeddings, a quarter of the parameters, come near full fine-tuning',
  `${percent(accuracy(adapters))} with ${percent(share(adapters))} of the parameters, ${percent(accuracy(lean))} with ${percent(share(lean))}; full fine-tuning ${percent(accuracy(full))}`,
)
