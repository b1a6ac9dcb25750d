// A run's report as one HTML file that needs nothing else: no request leaves it, it can be mailed, and it opens in ten years.
import { barChart, confusionMatrix, lineChart } from './charts.js'
import { element, escaped } from './html.js'
import { pointChart } from './points.js'
import type { Section } from './sections.js'
import { script, stylesheet } from './style.js'

/**
 * A self-contained HTML page: styles, charts (SVG) and the hover script are inline, light or dark by the reader's setting, readable on a phone.
 * All texts are escaped. Without script, charts still show their values as titles.
 *
 * ```ts
 * writeFileSync('report.html', htmlReport({ title: 'thaw demo', sections: [
 *   { kind: 'bars', title: 'Accuracy', value: { title: '%', to: 100 }, bars: [{ name: 'frozen', mean: 81.2, deviation: 0.4 }] },
 *   { kind: 'lines', title: 'Loss', x: { title: 'step' }, y: { title: 'nats' }, series: [{ name: 'train', points: [[1, 9.1], [2, 8.7]] }] },
 * ] }))
 * ```
 */
export function htmlReport(report: { title: string; subtitle?: string; sections: readonly Section[] }): string {
  const sections = report.sections.map((section) =>
    element(
      'section',
      {},
      section.title ? element('h2', {}, escaped(section.title)) : '',
      section.text ? element('p', { class: 'text' }, escaped(section.text)) : '',
      body(section),
    ),
  )
  const hover = report.sections.some(({ kind }) => kind === 'lines') ? `<script>${script}</script>` : ''
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escaped(report.title)}</title>
<style>${stylesheet}</style>
</head>
<body>
<header><h1>${escaped(report.title)}</h1>${report.subtitle ? element('p', { class: 'subtitle' }, escaped(report.subtitle)) : ''}</header>
<main>
${sections.join('\n')}
</main>
${hover}
</body>
</html>
`
}

function body(section: Section): string {
  switch (section.kind) {
    case 'prose':
      return section.paragraphs.map((paragraph) => element('p', {}, escaped(paragraph))).join('')
    case 'facts':
      return element(
        'dl',
        {},
        ...Object.entries(section.facts).map(([name, value]) => element('dt', {}, escaped(name)) + element('dd', {}, escaped(value))),
      )
    case 'table':
      return textTable(section.columns, section.rows)
    case 'lines':
      return lineChart(section)
    case 'points':
      return pointChart(section)
    case 'bars':
      return barChart(section)
    case 'confusion':
      return confusionMatrix(section)
    case 'predictions':
      return element('ul', { class: 'predictions' }, ...section.predictions.map(prediction))
  }
}

function textTable(columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const classes = columns.map((_, k) => {
    const cells = rows.map((row) => String(row[k] ?? ''))
    if (cells.length > 0 && cells.every((cell) => /^[^\p{L}]*\d[^\p{L}]*(\p{L}{1,3}[\d\s\p{L}]{0,4})?$|^\W?$/u.test(cell))) return 'number'
    return cells.some((cell) => cell.length > 40) ? 'long' : ''
  })
  const attributes = (k: number): Record<string, string> => (classes[k] ? { class: classes[k] } : {})
  const head = columns.map((title, k) => element('th', { scope: 'col', ...attributes(k) }, escaped(title)))
  const lines = rows.map((row) => element('tr', {}, ...columns.map((_, k) => element('td', attributes(k), escaped(row[k] ?? '')))))
  const table = element('table', { class: 'rows' }, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...lines))
  return element('div', { class: 'scroll' }, table)
}

function prediction({ text, truth, scores }: Extract<Section, { kind: 'predictions' }>['predictions'][number]): string {
  const bars = scores.map(({ label, score }) => {
    const share = `${Math.round(1000 * Math.min(1, Math.max(0, score))) / 10}%`
    const percent = `${(100 * score).toFixed(1)} %`
    return element('div', { class: 'score' }, element('span', {}, escaped(label)), `<i style="--share: ${share}"></i>`, element('b', {}, percent))
  })
  const expected = truth === undefined ? '' : element('div', { class: 'truth' }, `truth: ${escaped(truth)}`)
  return element('li', {}, element('q', {}, escaped(text)), expected, ...bars)
}
