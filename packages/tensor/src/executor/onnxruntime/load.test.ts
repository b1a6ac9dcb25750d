// What a user sees where a build of ONNX Runtime is missing: the engine is copied beside packages of its own, so that the repository's are not found.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { executors } from '../../testing/executors.js'

const home = mkdtempSync(join(tmpdir(), 'thaw-load-'))
after(() => rmSync(home, { recursive: true, force: true }))

const require = createRequire(import.meta.url)
const packageRoot = fileURLToPath(new URL('../../../', import.meta.url))
const folderOf = (name: string) => dirname(require.resolve(`${name}/package.json`))
const webAbsent = (await executors()).find(({ name }) => name === 'onnxruntime-web')?.absent

const program = `
  import { createExecutor, input, ops } from '@thaw/tensor'
  const open = () => createExecutor({ threads: 1, ...JSON.parse(process.argv[1]) })
  try {
    const executor = await open()
    await (await open())[Symbol.asyncDispose]()
    const executable = await executor.compile({ outputs: { y: ops.add(input('x', [1]), 1) } })
    const { outputs } = await executable.bind({}).run({ feeds: { x: { shape: [1], data: Float32Array.of(41) } } })
    console.log(executor.name, outputs.y.data[0])
    await executor[Symbol.asyncDispose]()
  } catch (error) {
    console.log(error.message)
  }
`

/** Runs the program where only the packages given are installed: those of the repository by name, or a file of one's own. */
function runWith(packages: Record<string, string | undefined>, options: object = {}): { stdout: string; stderr: string } {
  const folder = mkdtempSync(join(home, 'case-'))
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, '@thaw/tensor'), { recursive: true })
  cpSync(join(packageRoot, 'dist'), join(modules, '@thaw/tensor/dist'), { recursive: true })
  cpSync(join(packageRoot, 'package.json'), join(modules, '@thaw/tensor/package.json'))
  for (const [name, text] of Object.entries({ protobufjs: undefined, ...packages })) {
    if (text === undefined)
      symlinkSync(name === 'protobufjs' ? folderOf(name) : join(dirname(require.resolve(name)), '..'), join(modules, name), 'junction')
    else {
      mkdirSync(join(modules, name))
      writeFileSync(join(modules, name, 'package.json'), JSON.stringify({ name, type: 'module', exports: './index.js' }))
      writeFileSync(join(modules, name, 'index.js'), text)
    }
  }
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program, JSON.stringify(options)], {
    cwd: folder,
    encoding: 'utf8',
  })
  return { stdout, stderr }
}

const commands = `Install it with
  npm install --ignore-scripts onnxruntime-node@1.30.0   (the CPU binary is inside the package; skips the download of CUDA libraries)
  npm install onnxruntime-node@1.30.0                    (with CUDA libraries, where their host can be reached)
or, on a platform for which it has no binary, with
  npm install onnxruntime-web@1.30.0                     (WASM: slower, runs everywhere)
`

test('without onnxruntime-node, Node runs on onnxruntime-web and says so in one line, once', { skip: webAbsent ?? false }, () => {
  const { stdout, stderr } = runWith({ 'onnxruntime-web': undefined })
  assert.equal(stdout, 'onnxruntime-web 42\n')
  assert.match(
    stderr,
    /^thaw: onnxruntime-node cannot be loaded \(Cannot find package 'onnxruntime-node' imported from .*\); running on onnxruntime-web, which is slower\n$/,
  )
})

test('so it does where onnxruntime-node has no binary for the platform, also in the caller’s thread', { skip: webAbsent ?? false }, () => {
  const noBinary = `throw new Error("Cannot find module '../bin/napi-v6/darwin/x64/onnxruntime_binding.node'\\nRequire stack:")`
  const { stdout, stderr } = runWith({ 'onnxruntime-web': undefined, 'onnxruntime-node': noBinary }, { worker: false })
  assert.equal(stdout, 'onnxruntime-web 42\n')
  assert.equal(
    stderr,
    "thaw: onnxruntime-node cannot be loaded (Cannot find module '../bin/napi-v6/darwin/x64/onnxruntime_binding.node'); running on onnxruntime-web, which is slower\n",
  )
})

test('without either, the first run prints the commands that install one', () => {
  const { stdout, stderr } = runWith({})
  assert.equal(stderr, '')
  assert.match(stdout, /^ONNX Runtime cannot be loaded: Cannot find package 'onnxruntime-node' imported from .*\n/)
  assert.equal(stdout.slice(stdout.indexOf('\n') + 1), commands)
})

test('a build that is asked for by name is not replaced by the other', () => {
  const node = runWith({}, { runtime: 'onnxruntime-node', worker: false }).stdout
  assert.match(node, /^onnxruntime-node cannot be loaded: Cannot find package/)
  const web = runWith({}, { runtime: 'onnxruntime-web' }).stdout
  assert.equal(web, `onnxruntime-web is not installed\n${commands}`)
})
