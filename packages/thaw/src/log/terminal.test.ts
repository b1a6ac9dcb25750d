import assert from 'node:assert/strict'
import { test } from 'node:test'
import stringWidth from 'string-width'
import { count, duration } from './format.js'
import { phase, progress } from './progress.js'
import { statusLine } from './status.js'
import { fit, table } from './table.js'

const stream = (isTTY: boolean, columns = 80) => {
  const written: string[] = []
  return { isTTY, columns, written, write: (text: string) => written.push(text) }
}

test('counts and durations', () => {
  assert.deepEqual(
    [0, 999, 12_345, 999_999, 999_999.6, 5_200_000, 50_396_360, 1.3e9].map((n) => count(n)),
    [...['0', '999', '12,345', '999,999', '1.00 M', '5.20 M', '50.4 M', '1.30 G']],
  )
  assert.equal(count(12_345, { short: true }), '12.3 k')
  assert.deepEqual([0.34, 4.2, 9.96, 59.6, 192, 3599.7, 7500, 273_600, Number.NaN].map(duration), [
    ...['340 ms', '4.2 s', '10 s', '1m00s', '3m12s', '1h00m', '2h05m', '3d04h', '?'],
  ])
})

test('tables align by screen columns, numbers to the right', () => {
  assert.equal(
    table(
      [
        ['frozen', '81.2 ± 0.4', '1m05s'],
        ['日本語', '7.4', undefined],
      ],
      ['scheme', 'accuracy', 'time'],
    ),
    ['scheme    accuracy   time', '──────  ──────────  ─────', 'frozen  81.2 ± 0.4  1m05s', '日本語         7.4'].join('\n'),
  )
  assert.equal(table([['\u001b[31mred\nline']], ['text']).split('\n')[2], '�[31mred line')
  assert.equal(table([['abcdefgh']], [{ title: 't', width: 5 }]).split('\n')[2], 'abcd…')
  assert.equal(fit('日本語', 5), '日本…')
  assert.throws(() => table([['a', 'b']], ['one']), { message: 'table: row 1 has 2 cells, but there are 1 columns; name the others' })
})

test('a bar on a TTY is throttled, redraws in place and fits', () => {
  let now = 0
  const out = stream(true)
  const bar = progress(out, { label: 'pretrain', total: 2000, clock: () => now })
  for (let step = 1; step <= 120; step++) {
    now += 10
    bar.update(step, { loss: 4.3214, tokens: step * 123.45 })
  }
  assert.equal(out.written.length, 12)
  const bars = '#..............'
  assert.equal(out.written.at(-1), `\rpretrain [${bars}] step   111/2,000  loss 4.321  12,345 tok/s  ETA 19 s\u001b[K`)
  for (const text of out.written) assert.ok(stringWidth(text) < 80)
  bar.done('saved')
  assert.match(out.written.at(-2)!, /step {3}120\/2,000 .* in 1\.2 s {2}saved/)
  assert.equal(out.written.at(-1), '\n')
})

test('elsewhere it is plain lines without a bar every few seconds', () => {
  let now = 0
  const out = stream(false)
  const bar = progress(out, { total: 10, from: 4, interval: 2, clock: () => now })
  for (let step = 5; step <= 10; step++) {
    now += 1000
    bar.update(step)
  }
  bar.print('saved')
  bar.done()
  assert.deepEqual(out.written, ['step  6/10  ETA 4.0 s\n', 'step  8/10  ETA 2.0 s\n', 'step 10/10  ETA 0 ms\n', 'saved\n', 'step 10/10  in 6.0 s\n'])
})

test('a status line is redrawn in place and taken away; elsewhere it is a line now and then', () => {
  let now = 0
  const on = (isTTY: boolean) => {
    const out = stream(isTTY, 12)
    now = 0
    const status = statusLine(out, { clock: () => now })
    for (now = 0; now <= 12_000; now += 4000) status.show(`reading ${now / 1000} of the files`)
    status.clear()
    return out.written
  }
  assert.deepEqual(on(true), ['\rreading 0 …\u001b[K', '\rreading 4 …\u001b[K', '\rreading 8 …\u001b[K', '\rreading 12…\u001b[K', '\r\u001b[K'])
  assert.deepEqual(on(false), ['reading 12 of the files\n'])
})

test('a very narrow terminal gets a cut line, never a wrapped one', () => {
  const out = stream(true, 20)
  progress(out, { total: 10, label: 'full', clock: () => 0 }).update(1, { loss: 1 })
  assert.equal(out.written[0], '\rfull step  1/10  l…\u001b[K')
})

test('a phase says how long it took, or that it failed', async () => {
  let now = 0
  const out = stream(false)
  const result = await phase(
    out,
    'tokenizer',
    () => {
      now = 3200
      return 8000
    },
    (n) => `${count(n)} entries`,
    () => now,
  )
  assert.equal(result, 8000)
  assert.equal(out.written.join(''), 'tokenizer … 3.2 s, 8,000 entries\n')
  await assert.rejects(
    phase(out, 'x', () => Promise.reject(new Error('no'))),
    { message: 'no' },
  )
  assert.equal(out.written.at(-1), 'failed\n')
})
