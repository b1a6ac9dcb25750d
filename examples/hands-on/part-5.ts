// Hands-on 5: discriminative rates. Each layer's rate is a fraction of that above it, with slanted triangular rates over time; the fraction is chosen on the
// held-out questions.
import { type AdaptReport, discriminativeRates, recipe, slantedTriangular } from 'thaw'
import { accuracy, backbone, compare, percent, questions, run } from './setting.js'

const [from, data] = [await backbone(), await questions()]
const full = await run('one rate', from, data, {})
const tried: { decay: number; report: AdaptReport }[] = []
for (const decay of [0.95, 0.8, 1 / 2.6]) {
  const made = recipe(discriminativeRates({ decay }), slantedTriangular())
  tried.push({ decay, report: await run(`decay ${decay.toFixed(2)}`, from, data, { recipe: made }) })
}
const best = tried.reduce((a, b) => (b.report.valid.accuracy > a.report.valid.accuracy ? b : a))
compare(
  'lower layers hold what is general and take smaller rates: in ULMFiT each the 2.6th part of that above',
  `validation chooses ${best.decay.toFixed(2)}: ${percent(accuracy(best.report))}; ULMFiT's 0.38 has ${percent(accuracy(tried[2].report))}, one rate for all ${percent(accuracy(full))}`,
)
