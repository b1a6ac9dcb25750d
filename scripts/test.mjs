// Runs the tests with Node's own test runner: `*.test.js` compiled under each dist, `*.test.mjs` here. Words select files by substring.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folders = ['packages/tensor/dist', 'packages/thaw/dist', 'bench/dist', 'examples/dist', 'scripts']
const wanted = process.argv.slice(2)
const files = folders
  .filter((folder) => existsSync(root + folder))
  .flatMap((folder) => readdirSync(root + folder, { recursive: true }).map((file) => `${folder}/${file}`.replaceAll('\\', '/')))
  .filter((file) => /\.test\.m?js$/.test(file) && (wanted.length === 0 || wanted.some((word) => file.includes(word))))
  .sort()
if (files.length === 0) throw new Error(`no test file has ${wanted.join(' or ')} in its path`)
// named, since its default differs between versions of Node: the last lines of a log are `# tests N`, `# pass N`, `# fail N`
const reporter = process.stdout.isTTY ? 'spec' : 'tap'
// a test that waits for ever fails with its name; the longest takes about ten seconds on a quiet machine
const options = ['--enable-source-maps', '--test', '--test-concurrency=2', '--test-timeout=240000', `--test-reporter=${reporter}`]
const { status } = spawnSync(process.execPath, [...options, ...files], { cwd: root, stdio: 'inherit' })
process.exit(status ?? 1)
