// `--find-rate`: the learning-rate range test before a run, as a curve in the terminal and on a page.

import { writeFile } from 'node:fs/promises'
import { type AdaptSettings, type Backbone, findRate } from '../adapt/index.js'
import { plot } from '../log/plot.js'
import { htmlReport } from '../report/report.js'
import type { AdaptData } from './adapt-data.js'
import { named, namedResult, print, say, shortNumber } from './screen.js'

export interface ShowRatesOptions {
  backbone: Backbone
  data: AdaptData
  settings: AdaptSettings
  out: string
  threads: number | undefined
  fisher?: ReadonlyMap<string, Float32Array>
}

/** Runs the test, draws the curve, and writes it beside the folder that the run would write to. */
export async function showRates({ backbone, data, settings, out, threads, fisher }: ShowRatesOptions): Promise<void> {
  say(named('rates', '100 steps, the rate growing from 1e-6 to 1; nothing is kept of them'))
  const { points, steepest, suggestion } = await findRate(backbone, data.task, {
    ...settings,
    train: data.train,
    ...(threads === undefined ? {} : { threads }),
    ...(fisher ? { fisher } : {}),
  })
  const series = points.map(({ rate, loss }) => [rate, loss] as const)
  // what breaks away would press the rest of the curve flat
  const first = series[0]![1]
  const shown = series.filter(([, loss]) => loss <= 1.5 * first)
  const marks = { ...(steepest === undefined ? {} : { s: steepest }), ...(suggestion === undefined ? {} : { r: suggestion }) }
  print('')
  for (const line of plot(shown, { logX: true, formatX: shortNumber, marks, width: Math.min(70, (process.stdout.columns ?? 80) - 12) })) print(line)
  print('')
  print(
    namedResult(
      'rate',
      suggestion === undefined ? 'the loss never fell: no rate is suggested' : `${shortNumber(suggestion)}: a tenth of that with the lowest loss (r)`,
    ),
  )
  if (steepest !== undefined)
    print(
      namedResult(
        '',
        `the loss falls fastest at ${shortNumber(steepest)} (s); with --rate ${shortNumber(settings.rate)} a run would begin without this test`,
      ),
    )
  const page = `${out}-rates.html`
  const text =
    suggestion === undefined ? 'The loss never fell.' : `Suggested peak rate: ${shortNumber(suggestion)}, a tenth of the rate with the lowest loss.`
  await writeFile(
    page,
    htmlReport({
      title: 'Learning-rate range test',
      subtitle: backbone.source,
      sections: [
        {
          kind: 'lines',
          title: 'Loss by rate',
          text,
          x: { title: 'rate', log: true },
          y: { title: 'loss (smoothed)' },
          series: [{ name: 'loss', points: shown }],
        },
      ],
    }),
  )
  print(namedResult('curve', page))
}
