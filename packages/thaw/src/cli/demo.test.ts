import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readExamples } from '../data/index.js'
import { inFolder } from '../testing/checkpoints.js'
import { commandError, thaw, withoutSignals } from '../testing/command.js'
import { toyBackbone } from '../testing/toy.js'

test('thaw demo, the quick one: table, fresh texts, models and a report; what it says to do next works', () =>
  inFolder(async (cwd) => {
    const { code, stdout, stderr } = await thaw(['demo', '--quick', '--threads', '1'], { cwd })
    assert.equal(code, 0, stderr)
    assert.match(stderr, /^Transfer learning from nothing/)
    for (const line of ['reading WordNet … ', 'training a tokenizer … ', 'pretrain ', 'seed 1, TF-IDF + linear … ', 'seed 2, full fine-tuning ']) {
      assert.ok(stderr.includes(line), `${line} is missing in\n${stderr}`)
    }
    for (const name of ['TF-IDF \\+ linear', 'from scratch', 'frozen', 'full fine-tuning'])
      assert.match(stdout, new RegExp(`^${name} +\\d+\\.\\d ± \\d+\\.\\d +\\d+\\.\\d ± \\d+\\.\\d +[\\d.,]+(?: k| M)? +\\d`, 'm'))
    assert.match(stdout, /^Full fine-tuning (gains|loses) \d+\.\d points .*\(standard error \d+\.\d, 2 seeds\)\.$/m)
    assert.match(stdout, /^a small brown bird that sings at night +\w+ \d+ % +\w+ \d+ %$/m)
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line)

    const html = await readFile(join(cwd, 'thaw-demo/report.html'), 'utf8')
    for (const part of ['Test accuracy', 'Pretraining', 'Adaptation', 'Fresh texts', 'What is taken for what', '</html>'])
      assert.ok(html.includes(part), part)
    assert.doesNotMatch(html.replace(/<script>[\s\S]*?<\/script>/, ''), /NaN|Infinity|undefined|https?:/)
    const results = JSON.parse(await readFile(join(cwd, 'thaw-demo/results.json'), 'utf8'))
    assert.deepEqual(
      results.contenders.map(({ accuracy }: { accuracy: number[] }) => accuracy.length),
      [2, 2, 2, 2],
    )
    assert.ok(results.contenders[1].trained === results.contenders[3].trained && results.contenders[2].trained < results.contenders[3].trained / 10)

    // the held-out texts as they are on disk are not in the text as it is on disk
    const text = new Set((await readFile(join(cwd, 'thaw-demo/texts/pretraining.txt'), 'utf8')).toLowerCase().split('\n'))
    for (const name of ['train', 'valid', 'test']) {
      const { examples } = await readExamples(join(cwd, `thaw-demo/texts/${name}.jsonl`))
      assert.equal(examples.filter((example) => text.has(example.text.toLowerCase())).length, 0)
    }
    const predicted = await thaw(['predict', 'thaw-demo/classifier', 'a spicy dish of rice and fish', '--threads', '1'], { cwd })
    assert.equal(predicted.code, 0, predicted.stderr)
    const texts = 'thaw-demo/texts'
    const short = ['--valid', `${texts}/valid.jsonl`, '--epochs', '1', '--threads', '1', '--no-baseline']
    const adapted = await thaw(['adapt', 'thaw-demo/pretrained', '--train', `${texts}/train.jsonl`, '--out', 'mine', ...short], { cwd })
    assert.equal(adapted.code, 0, adapted.stderr)
  }))

test('^C ends it in order; a second run starts clean', withoutSignals, () =>
  inFolder(async (cwd) => {
    const metrics = join(cwd, 'here/pretrained/training/metrics.jsonl')
    const when = async () => existsSync(metrics) && (await readFile(metrics, 'utf8')).split('\n').length > 5
    const stopped = await thaw(['demo', '--quick', '--seeds', '1', '--threads', '1', '--out', 'here'], { cwd, send: { signal: 'SIGINT', when } })
    assert.equal(stopped.code, 130, stopped.stderr)
    assert.match(stopped.stderr, /stopped\. What there is so far is in here\/; the next thaw demo starts anew\n$/)
    assert.equal(stopped.stdout, '')
    await writeFile(join(cwd, 'here/left-over'), '')
    await toyBackbone(join(cwd, 'toy'))
    const again = await thaw(['demo', '--quick', '--seeds', '1', '--threads', '1', '--out', 'here', '--from-checkpoint', 'toy'], { cwd })
    assert.equal(again.code, 0, again.stderr)
    for (const name of ['toy, frozen', 'toy, full fine-tuning']) assert.match(again.stdout, new RegExp(`^${name} +\\d+\\.\\d +\\d+\\.\\d +\\d`, 'm'))
    assert.deepEqual((await readdir(join(cwd, 'here'))).sort(), [
      '.thaw-demo',
      'classifier',
      'pretrained',
      'report.html',
      'results.json',
      'texts',
      'tokenizer',
    ])
  }),
)

test('a folder of somebody else is refused before anything is computed', () =>
  inFolder(async (cwd) => {
    await writeFile(join(cwd, 'thesis.tex'), '')
    assert.match(
      await commandError(['demo', '--quick', '--out', cwd]),
      /this folder holds something that is not the demo's \(thesis\.tex\); name another one/,
    )
    assert.match(await commandError(['demo', '--seeds', '0']), /Expected a whole number of at least 1/)
  }))
