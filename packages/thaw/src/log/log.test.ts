import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import protobuf from 'protobufjs/minimal.js'
import { readMetrics, runLog } from './run-log.js'
import { crc32c, maskedCrc32c } from './tfevents.js'

const temporary = (t: { after(f: () => void): void }) => {
  const folder = mkdtempSync(join(tmpdir(), 'thaw-log-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

test('CRC-32C against RFC 3720 B.4', () => {
  assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283)
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e)
})

test('a resumed run drops later lines and half lines', (t) => {
  const folder = temporary(t)
  const first = runLog(folder)
  for (const step of [1, 2, 3]) first.write(step, { loss: 1 / step, note: 'a\nb' })
  first.close()
  appendFileSync(join(folder, 'metrics.jsonl'), '{"step":4,"lo')
  {
    using second = runLog(folder, { resumeFrom: 2 })
    second.write(3, { loss: Number.NaN })
  }
  const lines = readMetrics(join(folder, 'metrics.jsonl'))
  assert.deepEqual(
    lines.map(({ step, loss }) => [step, loss]),
    [
      [1, 1],
      [2, 0.5],
      [3, null],
    ],
  )
  assert.throws(() => first.write(9, {}), {
    message: `runLog: ${join(folder, 'metrics.jsonl')} is closed, so step 9 cannot be written; write before close()`,
  })
  runLog(folder).close()
  assert.equal(readFileSync(join(folder, 'metrics.jsonl'), 'utf8'), '')
})

test('a line that is not metrics is named', (t) => {
  const folder = temporary(t)
  const path = join(folder, 'metrics.jsonl')
  writeFileSync(path, '{"step":1}\noops\n')
  assert.throws(() => runLog(folder, { resumeFrom: 1 }), {
    message: `${path}, line 2: expected {"step": number, …}, found oops; repair or delete the line, or start a new run folder`,
  })
})

test('event files hold the framed events, and a resumed run tells from which step older ones are void', (t) => {
  const folder = temporary(t)
  for (const resumeFrom of [undefined, 1]) {
    using log = runLog(folder, { resumeFrom })
    log.write(2, { 'train/loss': 0.5, phase: 'x' })
  }
  const [first, second, ...rest] = readdirSync(folder)
    .filter((name) => name.startsWith('events.out.tfevents.'))
    .sort()
  assert.equal(rest.length, 0)
  assert.deepEqual(events(join(folder, first!)), [{ version: 'brain.Event:2' }, { step: 2, scalars: { 'train/loss': 0.5 } }])
  assert.deepEqual(events(join(folder, second!)), [
    { version: 'brain.Event:2' },
    { step: 2, session: 1 },
    { step: 2, scalars: { 'train/loss': 0.5 } },
  ])
})

// An own reader of the framing and of the few fields, written from the specifications.
function events(path: string): object[] {
  const bytes = readFileSync(path)
  const found = []
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at))
    assert.equal(bytes.readUInt32LE(at + 8), maskedCrc32c(bytes.subarray(at, at + 8)))
    const data = bytes.subarray(at + 12, at + 12 + length)
    assert.equal(bytes.readUInt32LE(at + 12 + length), maskedCrc32c(data))
    found.push(event(data))
    at += length + 16
  }
  return found
}

function event(data: Uint8Array): object {
  const reader = protobuf.Reader.create(data)
  const found: { version?: string; step?: number; session?: number; scalars?: Record<string, number> } = {}
  while (reader.pos < reader.len) {
    const field = reader.uint32() >>> 3
    if (field === 1) assert.ok(Math.abs(reader.double() - Date.now() / 1000) < 60)
    else if (field === 2) found.step = Number(reader.int64())
    else if (field === 3) found.version = reader.string()
    else {
      const end = reader.uint32() + reader.pos
      if (field === 7) {
        reader.uint32()
        found.session = reader.int32()
      }
      while (reader.pos < end) {
        reader.uint32() // Summary.value
        reader.uint32() // its length
        assert.equal(reader.uint32(), 10)
        const name = reader.string()
        assert.equal(reader.uint32(), 21)
        found.scalars = { ...found.scalars, [name]: reader.float() }
      }
    }
  }
  return found
}
