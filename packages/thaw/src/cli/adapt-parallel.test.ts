// Seeds in processes beside each other: the results of seeds one after the other, stopped and resumed; failed runs named.

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { recordedSteps, thaw } from '../testing/command.js'
import { inToyWorkplace, jsonLines, toyQuestions } from '../testing/toy.js'
import { usefulJobs } from './adapt-parallel.js'

const inWorkplace = (use: (cwd: string) => Promise<void>) => inToyWorkplace(use, 80)

const adapt = (out: string, ...more: string[]) => [
  'adapt',
  'lm',
  '--train',
  'train.jsonl',
  '--no-baseline',
  '--epochs',
  '4',
  '--rate',
  '0.002',
  '--out',
  out,
  ...more,
]

interface Report {
  results: { seed: number; report: { epochs: unknown } }[]
  failures: (string | null)[]
}
const report = async (cwd: string, out: string) => JSON.parse(await readFile(join(cwd, out, 'training/report.json'), 'utf8')) as Report
const epochs = ({ results }: Report) => results.map((x) => [x.seed, x.report.epochs])

test('processes are as many as seeds and cores allow', () => {
  assert.deepEqual([usefulJobs(4, 10, 2), usefulJobs(4, 3, 8), usefulJobs(2, 10, 8), usefulJobs(1, 0, 2)], [2, 3, 2, 1])
})

test('beside each other, where nothing else is said, seeds give the same as one after the other, and the best model; more seeds are added to a finished run', () =>
  inWorkplace(async (cwd) => {
    const alone = await thaw(adapt('alone', '--seeds', '3', '--threads', '1'), { cwd })
    assert.equal(alone.code, 0, alone.stderr)
    const beside = await thaw(adapt('beside', '--seeds', '2'), { cwd })
    assert.equal(beside.code, 0, beside.stderr)
    assert.equal(beside.stderr.match(/^recipe +full: everything/gm)?.length, 1, beside.stderr)
    if (usefulJobs(2, 2) === 2) assert.match(beside.stderr, /seeds +2 to run, 2 at a time in processes of one thread each/)
    const more = await thaw(['adapt', '--resume', '--out', 'beside', '--seeds', '3', '--no-baseline'], { cwd })
    assert.equal(more.code, 0, more.stderr)
    assert.deepEqual(epochs(await report(cwd, 'beside')), epochs(await report(cwd, 'alone')))
    assert.deepEqual(await readFile(join(cwd, 'beside/model.safetensors')), await readFile(join(cwd, 'alone/model.safetensors')))
    assert.ok(!existsSync(join(cwd, 'beside/training/seed-1/model')))
    assert.match(more.stdout, /^mean ± deviation/m)
  }))

test('a run of processes that is stopped goes on where each stood', { skip: usefulJobs(2, 2) < 2 && 'one core' }, () =>
  inWorkplace(async (cwd) => {
    const more = ['--seeds', '2', '--jobs', '2', '--epochs', '20', '--save-every', '0.05']
    const wanted = await thaw(adapt('whole', ...more), { cwd })
    assert.equal(wanted.code, 0, wanted.stderr)
    const at = async () => (await recordedSteps(join(cwd, 'out/training/seed-1/metrics.jsonl'))) > 10
    const stopped = await thaw(adapt('out', ...more), { cwd, send: { signal: 'SIGINT', when: at } })
    assert.equal(stopped.code, 130, stopped.stderr)
    assert.match(stopped.stderr, /stopped; everything is saved\. Go on with\n {2}thaw adapt --resume --out out\n$/)
    const end = await thaw(['adapt', '--resume', '--out', 'out', '--jobs', '2', '--no-baseline'], { cwd })
    assert.equal(end.code, 0, end.stderr)
    assert.deepEqual(epochs(await report(cwd, 'out')), epochs(await report(cwd, 'whole')))
  }),
)

test('runs that have learnt the commonest label only are named', () =>
  inWorkplace(async (cwd) => {
    const all = toyQuestions(108)
    const some = [...all.filter(({ label }) => label === 'HUM').slice(0, 30), ...all.filter(({ label }) => label === 'LOC').slice(0, 6)]
    await writeFile(join(cwd, 'train.jsonl'), jsonLines(some))
    const { code, stdout, stderr } = await thaw(adapt('out', '--seeds', '2', '--rate', '1e-4', '--valid-fraction', '0.3', '--threads', '1'), { cwd })
    assert.equal(code, 0, stderr)
    assert.deepEqual((await report(cwd, 'out')).failures, ['majority', 'majority'])
    assert.match(stdout, /^1 failed /m)
    assert.match(stdout, /^seed 2 +failed: accuracy [\d.]+ % is not above that of always saying the commonest label \(81\.8 %\)/m)
  }))

test('seeds of a regression beside each other: the model of the best by correlation is kept, none is called failed', () =>
  inWorkplace(async (cwd) => {
    const rows = toyQuestions(60).map(({ text, label }) => `${JSON.stringify({ text, label: label === 'NUM' ? 1 : 0 })}\n`)
    await writeFile(join(cwd, 'train.jsonl'), rows.join(''))
    const { code, stderr } = await thaw(adapt('out', '--task', 'regression', '--seeds', '2', '--jobs', '2', '--epochs', '2'), { cwd })
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^seed 2 +validation Pearson/m)
    assert.deepEqual((await report(cwd, 'out')).failures, [null, null])
    const answer = await thaw(['predict', 'out', 'who saw the king ?', '--threads', '1'], { cwd })
    assert.match(answer.stdout, /^-?[\d.]+\n$/, answer.stderr)
  }))
