import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scaleOf, ticksOf } from './axes.js'
import { lineDrawing } from './charts.js'
import { htmlReport } from './report.js'
import type { Section } from './sections.js'

const evil = `<script>alert("1")</script>' & "`
const axis = { title: evil }
const sections: Section[] = [
  { kind: 'prose', title: evil, text: evil, paragraphs: [evil] },
  { kind: 'facts', facts: { [evil]: evil } },
  { kind: 'table', columns: [evil, 'accuracy', 'time'], rows: [[evil, '87.4 ± 0.6', '1m05s']] },
  {
    kind: 'lines',
    x: axis,
    y: axis,
    series: [
      {
        name: evil,
        points: [
          [1, 2],
          [2, Number.NaN],
          [3, 4],
        ],
      },
    ],
  },
  { kind: 'bars', value: axis, bars: [{ name: evil, mean: 70.44, deviation: 1.26, note: evil }] },
  {
    kind: 'confusion',
    labels: [evil, 'b'],
    confusion: [
      [3, 1],
      [0, 0],
    ],
  },
  { kind: 'predictions', predictions: [{ text: evil, truth: evil, scores: [{ label: evil, score: 0.94 }] }] },
]

test('texts of users stay texts, wherever they stand', () => {
  const html = htmlReport({ title: evil, subtitle: evil, sections })
  assert.doesNotMatch(html, /<script>alert/)
  assert.equal(html.match(/<script>/g)?.length, 1)
  assert.ok(html.match(/&lt;script&gt;alert\(&quot;1&quot;\)&lt;\/script&gt;&#39; &amp; &quot;/g)!.length > 15)
})

test('nothing is fetched, and a browser is told to fetch nothing', () => {
  const html = htmlReport({ title: 't', sections })
  assert.doesNotMatch(html, /https?:|src=|@import|url\(/)
  assert.match(html, /default-src 'none'/)
})

test('tags are balanced', () => {
  const html = htmlReport({ title: 't', sections })
  const open: string[] = []
  for (const [, end, name] of html.replace(/<script>[\s\S]*?<\/script>|<style>[\s\S]*?<\/style>/g, '').matchAll(/<(\/?)([a-z0-9]+)[^>]*>/g)) {
    if (name === 'meta') continue
    if (end) assert.equal(open.pop(), name)
    else open.push(name!)
  }
  assert.deepEqual(open, [])
})

test('values that no axis can show break nothing', () => {
  const empty = { title: 'x', log: true }
  const html = htmlReport({
    title: 't',
    sections: [
      {
        kind: 'lines',
        x: empty,
        y: empty,
        series: [
          { name: 'none', points: [] },
          {
            name: 'bad',
            points: [
              [0, -1],
              [Number.NaN, 2],
            ],
          },
          { name: 'one', points: [[5, 5]] },
        ],
      },
      { kind: 'lines', x: axis, y: axis, series: [] },
      {
        kind: 'bars',
        value: { title: 'y' },
        bars: [
          { name: 'zero', mean: 0, deviation: 0 },
          { name: 'below', mean: -3, deviation: 1 },
        ],
      },
      { kind: 'bars', value: { title: 'y' }, bars: [] },
      { kind: 'confusion', labels: [], confusion: [] },
    ],
  })
  assert.doesNotMatch(html.replace(/<script>[\s\S]*<\/script>/, ''), /NaN|Infinity|undefined/)
})

test('long curves are thinned but keep their spikes', () => {
  const points = Array.from({ length: 20_000 }, (_, i) => [i, i === 7777 ? 50 : 1] as const)
  const html = htmlReport({ title: 't', sections: [{ kind: 'lines', x: { title: 'x' }, y: { title: 'y' }, series: [{ name: 's', points }] }] })
  assert.ok(html.length < 60_000, String(html.length))
  assert.match(html, /&quot;7,777&quot;,&quot;50&quot;/)
})

test('numbers in bars and tables', () => {
  const html = htmlReport({ title: 't', sections })
  assert.match(html, />70\.4 ± 1\.3</)
  assert.match(html, /<td class="number">87\.4 ± 0\.6<\/td><td class="number">1m05s<\/td>/)
})

test('ticks are round numbers with as many digits as they need', () => {
  const texts = (low: number, high: number, log = false) => {
    const scale = scaleOf({ title: '', log }, [low, high], [0, 100])
    return ticksOf(scale, 5, log).map(({ text }) => text)
  }
  assert.deepEqual(texts(0, 1), ['0.0', '0.2', '0.4', '0.6', '0.8', '1.0'])
  assert.deepEqual(texts(0, 20_000), ['0', '5,000', '10 k', '15 k', '20 k'])
  assert.deepEqual(texts(70, 8000, true), ['100', '200', '500', '1,000', '2,000', '5,000'])
})

test('a drawing is an SVG file by itself: its own colours, a legend that wraps, texts that stay texts', () => {
  const points = [
    [10, 40.5],
    [100, 61],
    [5452, 88],
  ] as const
  const names = ['full', 'gradual + discriminative + triangular', 'TF-IDF with a linear classifier', 'from scratch', evil]
  const svg = lineDrawing({ title: evil, x: { title: 'labels', log: true }, y: { title: '%' }, series: names.map((name) => ({ name, points })) })
  assert.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"[^>]* width="740" height="\d+"><style>\n:root/)
  assert.ok(!svg.includes('<script'))
  assert.equal(svg.match(/class="series"/g)!.length, 5)
  const at = [...svg.matchAll(/<text class="name" x="(\d+)" y="(\d+)">/g)].map(([, x, y]) => [Number(x), Number(y)])
  assert.ok(at.every(([x]) => x! < 700))
  assert.ok(new Set(at.map(([, y]) => y)).size > 1, 'five long names need more than a line')
  for (const colour of svg.matchAll(/var\((--[a-z0-9-]+)\)/g)) assert.ok(svg.includes(`${colour[1]}: `), colour[1])
})
