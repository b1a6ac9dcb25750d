import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { peersFolder } from './folders.js'
import { peakMemory, peerPython, startPeer } from './peer.js'

// These tests speak the protocol with any Python 3: the script needs no packages.
const python = 'python3'
const skip = spawnSync(python, ['--version']).error ? 'there is no python3 here' : false
const noProc = existsSync('/proc/self/status') ? false : 'there is no /proc here'
let folder = ''
let script = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'thaw-peer-'))
  script = join(folder, 'echo.py')
  writeFileSync(
    script,
    `import sys
sys.path.insert(0, ${JSON.stringify(peersFolder)})
from protocol import serve
def handle(request):
    print("chatter")
    if request.get("die"):
        print("goodbye", file=sys.stderr, flush=True)
        sys.exit(3)
    return {"twice": request["n"] * 2, "args": sys.argv[1:]}
serve(handle)
`,
  )
})
after(() => rmSync(folder, { recursive: true, force: true }))

test('answers come in the order of the requests; what the script prints does not disturb them', { skip }, async () => {
  await using peer = startPeer(script, ['--x', '1'], python)
  assert.deepEqual(await Promise.all([peer.ask({ n: 1 }), peer.ask({ n: 2 })]), [
    { twice: 2, args: ['--x', '1'] },
    { twice: 4, args: ['--x', '1'] },
  ])
})

test('an exception in the script is the error of that request alone', { skip }, async () => {
  await using peer = startPeer(script, [], python)
  await assert.rejects(peer.ask({}), /^Error: peer .*echo\.py: Traceback[\s\S]*KeyError: 'n'$/)
  assert.deepEqual(await peer.ask({ n: 3 }), { twice: 6, args: [] })
})

test('a script that ends rejects what was asked, with its last words', { skip }, async () => {
  const peer = startPeer(script, [], python)
  const ended = new Error(`peer ${script} ended (exit code 3); its last words:\nchatter\ngoodbye`)
  await assert.rejects(peer.ask({ die: true }), ended)
  await assert.rejects(peer.ask({ n: 1 }), ended)
  await peer.close()
})

test('a Python that is not there is named', async () => {
  await assert.rejects(startPeer(script, [], '/no/python').ask({}), new Error(`peer ${script}: spawn /no/python ENOENT`))
  const given = process.env.THAW_PYTHON
  process.env.THAW_PYTHON = '/no/python'
  try {
    assert.throws(
      peerPython,
      new Error(
        'THAW_PYTHON is set to /no/python, which cannot be run. Set it to a Python with the packages of bench/peers/requirements.txt, or unset it.',
      ),
    )
  } finally {
    if (given === undefined) delete process.env.THAW_PYTHON
    else process.env.THAW_PYTHON = given
  }
})

test('peak memory is that of /proc', { skip: noProc }, () => {
  const before = peakMemory()
  const block = Buffer.alloc(64 << 20, 1)
  assert.ok(peakMemory() >= before && peakMemory() > block.length)
  assert.throws(() => peakMemory(2 ** 30), new Error(`peakMemory: there is no /proc/${2 ** 30}/status; it needs Linux and a process that still runs`))
})
