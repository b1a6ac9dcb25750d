import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { inFolder } from '../testing/checkpoints.js'
import { withDiskErrors } from './disk-errors.js'
import { lockRun } from './run-lock.js'

test('a second process is refused by name; afterwards the folder is free and nothing is left', () =>
  inFolder(async (root) => {
    const out = join(root, 'run')
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    try {
      const owner = { pid: other.pid, host: hostname(), since: '2026-01-01T00:00:00.000Z' }
      await writeFile(join(root, '.run.lock'), JSON.stringify(owner))
      await assert.rejects(lockRun(out), {
        message: `${out}: another process is at work in this folder (process ${other.pid}, since 2026-01-01T00:00:00.000Z); wait for its end, stop it, or take another folder. If there is no such process, delete ${join(root, '.run.lock')}`,
      })
      assert.deepEqual(JSON.parse(await readFile(join(root, '.run.lock'), 'utf8')), owner)
    } finally {
      other.kill()
    }
    await new Promise((done) => (other.exitCode === null && other.signalCode === null ? other.once('exit', done) : done(undefined)))
    {
      await using _ = await lockRun(out)
      assert.equal(JSON.parse(await readFile(join(root, '.run.lock'), 'utf8')).pid, process.pid)
      await assert.rejects(lockRun(out), /another process is at work/)
    }
    assert.deepEqual(await readdir(root), [])
  }))

test('the lock of a process that was killed is taken over; that of another machine holds', () =>
  inFolder(async (root) => {
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    const lock = (host: string) => writeFile(join(root, '.run.lock'), JSON.stringify({ pid, host, since: 'then' }))
    await lock(hostname())
    await (await lockRun(join(root, 'run')))[Symbol.asyncDispose]()
    await lock('elsewhere')
    await assert.rejects(lockRun(join(root, 'run')), /process \d+ on elsewhere, since then/)
    await writeFile(join(root, '.run.lock'), 'what?')
    await assert.rejects(
      lockRun(join(root, 'run')),
      /expected a lock \(pid, host, since\), found "what\?"; delete the file if no run is at work there/,
    )
  }))

test('of many that want the folder of a killed process one gets it', () =>
  inFolder(async (root) => {
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    await writeFile(join(root, '.run.lock'), JSON.stringify({ pid, host: hostname(), since: 'then' }))
    const module = JSON.stringify(new URL('./run-lock.js', import.meta.url).href)
    const program = `import(${module}).then(({ lockRun }) => lockRun(${JSON.stringify(join(root, 'run'))})).then(() => { console.log('got it'); setTimeout(() => {}, 700) }, () => {})`
    const outputs = await Promise.all(
      Array.from(
        { length: 4 },
        () =>
          new Promise<string>((done) => {
            const child = spawn(process.execPath, ['-e', program])
            let text = ''
            child.stdout.on('data', (part) => (text += part))
            child.once('exit', () => done(text))
          }),
      ),
    )
    assert.equal(outputs.filter((text) => text !== '').length, 1)
  }))

test('disk errors say what is lost and how to go on; others stay as they are', async () => {
  const failing = (code: string) => () => Promise.reject(Object.assign(new Error(`${code}: write`), { code }))
  await assert.rejects(withDiskErrors('runs/wiki', failing('ENOSPC')), {
    message: 'runs/wiki: the disk is full (ENOSPC: write); what was saved before is complete: make room and go on with --resume',
  })
  await assert.rejects(withDiskErrors('runs/wiki', failing('EROFS')), {
    message: 'runs/wiki: cannot be written to (EROFS: write); check its permissions, or name another folder',
  })
  await assert.rejects(withDiskErrors('runs/wiki', failing('ENOENT')), { message: 'ENOENT: write' })
})
