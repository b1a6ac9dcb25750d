// `npm run pack-check`: packs both packages, installs them into an empty folder as a user would, with no install script, and runs them there.
// Fails where a file is missing or does not belong, where the program does not run, and above 350 MB (DESIGN, traps: install size is a feature).
// Exit status 75 says that the registry could not be reached, so that nothing could be checked.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const limit = 350e6 // bytes
const work = mkdtempSync(join(tmpdir(), 'thaw-pack-'))

/** A small program through the public names: a gradient on ONNX Runtime, and a tokenizer trained, used and undone. */
const program = `
import { createExecutor, grad, ops, parameter } from '@thaw/tensor'
import { trainByteLevelBpe } from 'thaw'

const w = parameter('w', [3])
const loss = ops.sum(ops.mul(w, w))
const [gradient] = grad(loss, [w])
const executor = await createExecutor({ threads: 1 })
const params = await executor.store('params')
await params.declare([w])
await params.write('w', [1, 2, 3])
const { outputs } = await (await executor.compile({ outputs: { loss, gradient: gradient!.tensor } })).bind({ params }).run()
console.log(outputs.loss!.data[0], [...outputs.gradient!.data].join(' '))
await executor[Symbol.asyncDispose]()

const tokenizer = await trainByteLevelBpe(['the cat sat on the mat', 'the dog sat'], { vocabulary: 280 })
console.log(tokenizer.decode(tokenizer.encode('the cat').ids))
`
const expected = '14 2 4 6\nthe cat\n'

const fail = (message) => {
  throw new Error(message)
}

function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', shell: process.platform === 'win32' })
  if (error) throw error
  if (status === 0) return stdout
  const unreachable = /\b(ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b/.exec(stderr)
  if (command === 'npm' && unreachable) {
    console.log(`The package registry cannot be reached (${unreachable[0]}): nothing was checked.`)
    rmSync(work, { recursive: true, force: true })
    process.exit(75)
  }
  return fail(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`)
}

const bytesBelow = (folder) =>
  readdirSync(folder, { withFileTypes: true }).reduce(
    (sum, entry) => sum + (entry.isDirectory() ? bytesBelow(join(folder, entry.name)) : entry.isFile() ? statSync(join(folder, entry.name)).size : 0),
    0,
  )

function checkFiles({ name, files }) {
  const paths = files.map(({ path }) => path)
  const checkpoint = ['README.md', 'package.json', 'config.json', 'tokenizer.json', 'model.safetensors']
  for (const wanted of name.includes('/wiki-') ? checkpoint : ['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts'])
    if (!paths.includes(wanted)) fail(`${name}: ${wanted} is not packed`)
  const strangers = paths.filter((path) => /\.test\.|fixtures?\/|testing\/|tsbuildinfo|^src\/|\.map$/.test(path))
  if (strangers.length > 0) fail(`${name}: packed, but of no use to who installs it: ${strangers.slice(0, 5).join(', ')}`)
}

try {
  const packed = JSON.parse(
    run(
      'npm',
      [
        'pack',
        '--json',
        '--ignore-scripts',
        '-w',
        'packages/tensor',
        '-w',
        'packages/wiki-masked',
        '-w',
        'packages/thaw',
        '--pack-destination',
        work,
      ],
      root,
    ),
  )
  // npm 11 and later answer with an object by name, earlier ones with a list
  const packages = Object.values(packed)
  for (const each of packages) checkFiles(each)

  const app = join(work, 'app')
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  const tarballs = packages.map(({ filename }) => join(work, filename))
  run('npm', ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs], app)

  const { version } = JSON.parse(readFileSync(join(root, 'packages/thaw/package.json'), 'utf8'))
  const printed = run('npx', ['--no-install', 'thaw', '--version'], app).trim()
  if (printed !== version) fail(`thaw --version printed ${printed}, expected ${version}`)

  // the checkpoint that comes along is found by its name
  const tickets = Array.from({ length: 20 }, (_, i) => `card ${i} was declined,billing\nparcel ${i} is lost,delivery\n`)
  writeFileSync(join(app, 'tickets.csv'), `text,label\n${tickets.join('')}`)
  run('npx', ['--no-install', 'thaw', 'adapt', '--offline', '--train', 'tickets.csv', '--epochs', '1', '--out', 'tickets'], app)
  const predicted = run('npx', ['--no-install', 'thaw', 'predict', 'tickets', 'where is my parcel'], app)
  if (!/billing|delivery/.test(predicted)) fail(`thaw predict printed ${JSON.stringify(predicted)}`)

  // the types have to come along: the program is compiled by the repository's compiler against what was installed
  writeFileSync(join(app, 'program.ts'), program)
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const strict = ['--strict', '--noUncheckedIndexedAccess', '--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,esnext.disposable,dom']
  run(
    process.execPath,
    [compiler, 'program.ts', ...strict, '--skipLibCheck', '--types', 'node', '--typeRoots', join(root, 'node_modules/@types')],
    app,
  )
  const output = run(process.execPath, ['program.js'], app)
  if (output !== expected) fail(`the program printed\n${output}instead of\n${expected}`)

  const bytes = bytesBelow(join(app, 'node_modules'))
  const megabytes = (bytes / 1e6).toFixed(0)
  if (bytes > limit) fail(`node_modules holds ${megabytes} MB, more than ${limit / 1e6} MB`)
  const archives = packages.map(({ filename, size }) => `${filename} ${(size / 1e3).toFixed(0)} kB`).join(', ')
  console.log(
    `${archives}: installed without scripts, ${megabytes} MB (limit ${limit / 1e6}); thaw ${version} runs, the program's types and results are right.`,
  )
} finally {
  rmSync(work, { recursive: true, force: true })
}
