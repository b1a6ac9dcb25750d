import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { load } from '../adapt/index.js'
import { inFolder } from '../testing/checkpoints.js'
import { commandError, recordedLosses, recordedSteps, thaw, withoutSignals } from '../testing/command.js'
import { toyText } from '../testing/toy.js'
import { random } from '../text/random.js'

const small = [
  '--config',
  'hidden=16,layers=1,heads=2,inner=32,positions=16',
  '--vocabulary',
  '300',
  '--batch',
  '4',
  '--threads',
  '1',
  '--documents',
  'line',
]
const run = (out: string, ...more: string[]) => ['pretrain', '--text', 'text.txt', ...small, '--out', out, ...more]

test('a run that is killed at ten random moments has the losses, bit for bit, of one that is not', () =>
  inFolder(async (cwd) => {
    await writeFile(join(cwd, 'text.txt'), toyText(300))
    const steps = ['--steps', '300', '--save-every', '0.03']
    const whole = await thaw(run('whole', ...steps), { cwd })
    assert.equal(whole.code, 0, whole.stderr)
    const wanted = await recordedLosses(join(cwd, 'whole/training/metrics.jsonl'))
    assert.equal(wanted.length, 300)
    const chance = random(Date.now())
    const metrics = join(cwd, 'killed/training/metrics.jsonl')
    const half = async () =>
      (await readdir(join(cwd, 'killed/training')).catch(() => [])).some((name) => name.startsWith('.training.safetensors.writing'))
    let whileSaving = 0
    for (let kill = 1; kill <= 10; kill++) {
      const before = await recordedSteps(metrics)
      // some as soon as a save has begun, the others at any moment
      const when = async () => (await recordedSteps(metrics)) >= before + 4 && (kill > 4 || (await half()))
      const args = kill === 1 ? run('killed', ...steps) : ['pretrain', '--resume', '--out', 'killed', '--threads', '1']
      const { signal, stderr } = await thaw(args, { cwd, send: { signal: 'SIGKILL', when, after: kill > 4 ? chance.integer(12) : 0 } })
      assert.equal(signal, 'SIGKILL', stderr)
      if (await half()) whileSaving++
    }
    assert.ok(whileSaving > 0, 'no kill fell into a save')
    const end = await thaw(run('killed', ...steps, '--resume'), { cwd })
    assert.equal(end.code, 0, end.stderr)
    assert.deepEqual(await recordedLosses(join(cwd, 'killed/training/metrics.jsonl')), wanted)
    const parameters = async (folder: string) => [...(await load(join(cwd, folder))).parameters]
    assert.deepEqual(await parameters('killed'), await parameters('whole'))
    // what was reported goes to stdout, what happened to stderr
    assert.match(end.stdout, /^pretrained {2}300 steps/)
    assert.match(end.stderr, /goes on after step/)
    assert.ok(!existsSync(join(cwd, 'killed/training/training.safetensors')))
    const again = await thaw(['pretrain', '--resume', '--out', 'killed'], { cwd })
    assert.equal(again.stderr, 'this run is finished; there is nothing to resume\n')
    assert.equal(again.stdout, end.stdout)
  }))

test('^C saves and says how to go on; standard input is kept for that; the report says what was counted', withoutSignals, () =>
  inFolder(async (cwd) => {
    const metrics = join(cwd, 'out/training/metrics.jsonl')
    const args = run('out', '--steps', '300').map((arg) => (arg === 'text.txt' ? '-' : arg))
    const when = async () => (await recordedSteps(metrics)) >= 3
    const stopped = await thaw(args, { cwd, input: toyText(300), send: { signal: 'SIGINT', when } })
    assert.equal(stopped.code, 130, stopped.stderr)
    assert.match(stopped.stderr, /stopping after this step, then saving; \^C again quits at once\n/)
    assert.match(stopped.stderr, /stopped after step \d+; everything is saved\. Go on with\n {2}thaw pretrain --resume --out out\n$/)
    assert.equal(stopped.stdout, '')
    const changed = await thaw(['pretrain', '--resume', '--out', 'out', '--rate', '0.5'], { cwd })
    assert.match(
      changed.stderr,
      /^thaw: --rate 0\.5: the run in out was started with 0\.001, and a resumed run keeps its settings; leave the option out/,
    )
    const { code, stdout, stderr } = await thaw(['pretrain', '--resume', '--out', 'out'], { cwd })
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^perplexity {2}[\d.]+ per token = exp\([\d.]+ nats\), over \d+ tokens$/m)
    assert.match(stdout, /[\d.]+ per word = exp\([\d,]+ nats \/ \d+ words\)/)
    for (const part of ['nothing is detokenized', 'a word is what stands between white space;', '<unk> does not exist'])
      assert.ok(stdout.includes(part), stdout)
    assert.equal((await recordedLosses(metrics)).length, 300)
  }),
)

test('curves with warm-up and without are one command', () =>
  inFolder(async (cwd) => {
    await writeFile(join(cwd, 'text.txt'), toyText(300))
    const { code, stdout, stderr } = await thaw(run('out', '--steps', '10', '--warmup', '5', '--compare-warmup'), { cwd })
    assert.equal(code, 0, stderr)
    assert.match(stdout, /curves {6}out\/training\/warmup\.html\n$/)
    const page = await readFile(join(cwd, 'out/training/warmup.html'), 'utf8')
    for (const part of ['Training loss', 'Validation loss', 'Learning rate', 'data-name="out"', 'data-name="out-without-warmup"'])
      assert.ok(page.includes(part), part)
    const rates = (await readFile(join(cwd, 'out-without-warmup/training/metrics.jsonl'), 'utf8'))
      .split('\n')
      .map((line) => (line ? JSON.parse(line).rate : 0))
    assert.equal(rates[0], 0.001)
    const from = ['pretrain', '--text', 'text.txt', '--from', 'out', '--batch', '4', '--time', '16', '--threads', '1', '--documents', 'line']
    const further = await thaw([...from, '--steps', '4', '--warmup', '2', '--compare-warmup', '--out', 'further'], { cwd })
    assert.equal(further.code, 0, further.stderr)
    assert.match(further.stdout, /curves {6}further\/training\/warmup\.html\n$/)
    const none = await thaw(['curves', 'nowhere'], { cwd })
    assert.equal(none.stderr, 'thaw: nowhere: no recorded run here (expected training/metrics.jsonl); name the folder that was given with --out\n')
  }))

test('mistakes are named before anything is computed', () =>
  inFolder(async (folder) => {
    const at = (name: string) => join(folder, name)
    await writeFile(at('text.txt'), toyText(300))
    await mkdir(at('photos'))
    await writeFile(at('photos/cat.jpg'), '')
    await mkdir(at('unfinished/training'), { recursive: true })
    await writeFile(at('unfinished/config.json'), '{}')
    await writeFile(at('unfinished/training/run.json'), '{}')
    await mkdir(at('trec/training'), { recursive: true })
    await writeFile(at('trec/training/run.json'), '{"command": "adapt"}')
    const error = (out: string, ...more: string[]) => commandError(['pretrain', '--text', at('text.txt'), ...small, '--out', at(out), ...more])
    const goOn = `go on with it (thaw pretrain --resume --out ${at('unfinished')}), replace it with --overwrite, or name another folder`
    const messages: [string, string][] = [
      [await error('photos'), `--out ${at('photos')}: the folder holds something that is no checkpoint (cat.jpg); name another one`],
      [await error('text.txt'), `--out ${at('text.txt')}: this is a file; name a folder that does not exist yet`],
      [await error('unfinished'), `--out ${at('unfinished')}: there is an unfinished run in this folder; ${goOn}`],
      [await error('x', '--resume'), `${at('x')}: no run was started here, so there is none to resume; start a new one`],
      [await error('trec', '--resume'), `${at('trec')}: the run in this folder is no pretraining run; go on with it by the command that started it`],
      [
        await commandError(['pretrain', '--out', 'x']),
        '--text is missing: name text files, globs, or - for standard input (or go on with a run: --resume)',
      ],
      [await error('x', '--steps', '1', '--minutes', '1'), 'steps, minutes and epochs: give one of them, not several'],
    ]
    for (const [message, expected] of messages) assert.equal(message, expected)
    assert.match(
      await commandError(['pretrain', '--out', at('x'), '--text', 'nothing*.txt']),
      /^nothing\*\.txt: no such file, and no file matches it as a pattern/,
    )
    assert.match(await error('x', '--config', 'hiden=3'), /^config: unknown key 'hiden'; the keys are vocabulary, hidden/)
    assert.match(
      await error('x', '--config', 'hidden'),
      /^error: option '--config <settings>' argument 'hidden' is invalid\. Expected name=value, or several with commas/,
    )
    assert.match(await error('x', '--rate', 'fast'), /argument 'fast' is invalid\. Expected a number above 0, like 0\.001 or 1e-3\./)
    assert.match(await error('x', '--size', 'huge'), /Allowed choices are nano, tiny, small, tutorial\./)
    assert.match(await error('x', '--vocabluary', '300'), /^error: unknown option '--vocabluary'\n\(Did you mean --vocabulary\?\)/)
    assert.match(await commandError(['pretrain']), /required option '-o, --out <folder>' not specified/)
  }))
