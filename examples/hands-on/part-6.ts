// Hands-on 6: multi-task. The language model's loss beside the task's (0.5 and 1.0), six epochs, beside six epochs of the task alone.
import { recipes } from 'thaw'
import { accuracy, backbone, compare, percent, questions, run } from './setting.js'

const [from, data] = [await backbone(), await questions()]
const single = await run('the task alone', from, data, { epochs: 6 })
const multi = await run('with the language model', from, data, { epochs: 6, recipe: recipes['tutorial-multitask']() })
compare(
  'the language-model loss beside the task, six epochs, is better than fine-tuning for the task alone',
  `${percent(accuracy(multi))} with it, ${percent(accuracy(single))} without`,
)
