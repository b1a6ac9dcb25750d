import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { main, type Surroundings } from './cli.js'
import type { SavedRow } from './results.js'

let folder = ''
let out = ''
let err = ''
let at: Surroundings

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thaw-bench-'))
  mkdirSync(join(folder, 'dist'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const module = (name: string, text: string) => writeFileSync(join(folder, 'dist', `${name}.js`), text)
  module('helper', 'export const answer = 42')
  module('index', 'throw new Error("the entry itself is not a benchmark")')
  module(
    'speed',
    `export const about = 'ours against theirs'
export async function run({ quick, only, log }) {
  log('working')
  console.log('a library that chats')
  return [{ bench: 'speed', config: { name: only[0] ?? 'a', quick }, metric: 'time', unit: 'ms', ours: 1234.5, peer: 2469, peerName: 'them', ratio: 2, seeds: 3, sd: 0.5 }]
}`,
  )
  module('faulty', 'export const about = "fails"; export async function run() { throw new Error("no data") }')
  module('broken', 'import "./absent.js"; export const about = "never"; export async function run() { return [] }')
  ;[out, err] = ['', '']
  at = {
    benchmarks: new URL(`${pathToFileURL(join(folder, 'dist')).href}/`),
    results: join(folder, 'results'),
    readme: join(folder, 'README.md'),
    stdout: (text) => (out += text),
    stderr: (text) => (err += text),
  }
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('without --json a readable table', async () => {
  assert.equal(await main(['speed', 'b'], at), 0)
  assert.equal(
    out,
    'config          metric  ours                      peer             ratio\nb, quick false  time    1,235 ms ± 0.5 (3 seeds)  2,469 ms (them)  2.00\n',
  )
  assert.equal(err, 'working\n')
})

test('--json prints one object a line and nothing else on stdout', async () => {
  assert.equal(await main(['speed', '--quick', '--json'], at), 0)
  const lines = out.trimEnd().split('\n')
  assert.equal(lines.length, 1)
  assert.deepEqual((JSON.parse(lines[0]!) as SavedRow).config, { name: 'a', quick: true })
  assert.deepEqual(readdirSync(folder).sort(), ['dist', 'package.json'])
})

test('--save of some configurations replaces their rows, and leaves those of the others', async () => {
  mkdirSync(at.results)
  const old = (name: string) => JSON.stringify({ bench: 'speed', config: { name }, metric: 'time', unit: 'ms', ours: 1 })
  writeFileSync(join(at.results, 'speed.jsonl'), `${['b', 'wiki-b', 'small b', 'abc', 'c'].map(old).join('\n')}\n`)
  assert.equal(await main(['speed', 'b', '--save'], at), 0)
  const lines = readFileSync(join(at.results, 'speed.jsonl'), 'utf8').trimEnd().split('\n')
  assert.deepEqual(lines.slice(0, 2), [old('abc'), old('c')])
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as SavedRow).ours),
    [1, 1, 1234.5],
  )
})

test('--save replaces the results, with date, commit and machine; table puts them into the README', async () => {
  mkdirSync(at.results)
  writeFileSync(join(at.results, 'speed.jsonl'), '{"old":true}\n')
  assert.equal(await main(['speed', '--save'], at), 0)
  assert.deepEqual(readdirSync(at.results), ['speed.jsonl'])
  const row = JSON.parse(readFileSync(join(at.results, 'speed.jsonl'), 'utf8')) as SavedRow
  assert.equal(row.ours, 1234.5)
  assert.match(row.date, /^\d{4}-\d\d-\d\d$/)
  assert.match(row.commit, /^([0-9a-f]{7,}(\+dirty)?|unknown)$/)
  assert.deepEqual(Object.keys(row.machine), ['cpu', 'cores', 'memory', 'node', 'onnxruntime'])

  writeFileSync(at.readme, '# Title\n<!-- bench:start -->\nold\n<!-- bench:end -->\nrest\n')
  assert.equal(await main(['table'], at), 0)
  const readme = readFileSync(at.readme, 'utf8')
  assert.ok(readme.startsWith('# Title\n<!-- bench:start -->\n| What | Ours |'), readme)
  const values = '1,235 ms ± 0.5 (3 seeds) | 2,469 ms (them) | 2.00 | `npm run bench -- speed` |'
  assert.ok(readme.includes(`| speed: a, quick false, time | ${values}`), readme)
  assert.ok(readme.includes('All 1 rows, with settings, dates, commits and machines: [bench/results](bench/results/README.md).'), readme)
  const all = readFileSync(join(at.results, 'README.md'), 'utf8')
  assert.ok(all.includes(`| speed | a, quick false | time | ${values}`) && /Measured on .*: speed \d/.test(all), all)
  assert.ok(readme.endsWith('<!-- bench:end -->\nrest\n') && !readme.includes('\nold\n'), readme)
  await main(['table'], at)
  assert.equal(readFileSync(at.readme, 'utf8'), readme)
})

test('the README shows the rows to which a benchmark gives a headline, the table of all the others too; its drawing stands beside the rows', async () => {
  const source = readFileSync(join(folder, 'dist', 'speed.js'), 'utf8')
  const headline = "export const headline = ({ config }) => (config.name === 'b' ? 'The speed of b' : undefined)"
  const drawing = "export const drawing = (rows) => '<svg>' + rows.map(({ config }) => config.name) + '</svg>'"
  writeFileSync(join(folder, 'dist', 'told.js'), `${source.replaceAll('speed', 'told')}\n${headline}\n${drawing}`)
  for (const name of ['a', 'b']) assert.equal(await main(['told', name, '--save'], at), 0)
  writeFileSync(at.readme, '<!-- bench:start -->\n<!-- bench:end -->\n')
  assert.equal(await main(['table'], at), 0)
  assert.match(err, /README\.md: the table has 1 of 2 rows\n$/)
  const [readme, all] = [readFileSync(at.readme, 'utf8'), readFileSync(join(at.results, 'README.md'), 'utf8')]
  assert.ok(readme.includes('| The speed of b | 1,235 ms') && !readme.includes('a, quick'), readme)
  assert.equal(readFileSync(join(at.results, 'told.svg'), 'utf8'), '<svg>a,b</svg>')
  assert.ok(all.includes('| told | a, quick false |') && all.includes('| told | b, quick false |'), all)
})

test('an unknown name lists what there is, with what cannot be loaded', async () => {
  assert.equal(await main(['sped'], at), 1)
  assert.match(
    err,
    /^There is no benchmark "sped"\. There are:\n {2}broken {2}\(cannot be loaded: .*\)\n {2}faulty {2}fails\n {2}speed {3}ours against theirs\n$/,
  )
  for (const name of ['helper', 'index', '../dist/speed']) assert.equal(await main([name], at), 1)
  assert.equal(out, '')
})

test('--help', async () => {
  assert.equal(await main(['--help'], at), 0)
  assert.match(out, /^npm run bench -- <name>[\s\S]*Benchmarks:\n {2}broken/)
  out = ''
  assert.equal(await main(['speed', '--help'], at), 0)
  assert.equal(out, 'speed: ours against theirs\n')
  assert.equal(await main([], at), 1)
})

test('faults: a benchmark that throws, options that exclude each other, a README without markers, a damaged result', async () => {
  assert.equal(await main(['faulty', '--save'], at), 1)
  assert.match(err, /^faulty: Error: no data\n {4}at run/)
  err = ''
  assert.equal(await main(['speed', '--quick', '--save'], at), 1)
  assert.equal(err, '--quick and --save exclude each other: the numbers of a quick run are not results\n')
  err = ''
  writeFileSync(at.readme, '# Title\n')
  assert.equal(await main(['table'], at), 1)
  assert.equal(
    err,
    'README.md: expected one line <!-- bench:start --> and below it one line <!-- bench:end -->, between which the table of results goes; put them there and run again\n',
  )
  err = ''
  mkdirSync(at.results)
  writeFileSync(join(at.results, 'speed.jsonl'), '{}\n{"cut\n')
  assert.equal(await main(['table'], at), 1)
  assert.equal(err, 'bench/results/speed.jsonl, line 2: expected a JSON object. Measure again with: npm run bench -- speed --save\n')
})
