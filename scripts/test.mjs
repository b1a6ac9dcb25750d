// Runs the compiled tests (`*.test.js` under each dist) with Node's own test runner; words after `--` select files by substring.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folders = ['packages/tensor/dist', 'packages/thaw/dist', 'bench/dist']
const wanted = process.argv.slice(2)
const files = folders
  .flatMap((folder) => readdirSync(root + folder, { recursive: true }).map((file) => `${folder}/${file}`.replaceAll('\\', '/')))
  .filter((file) => file.endsWith('.test.js') && (wanted.length === 0 || wanted.some((word) => file.includes(word))))
  .sort()
const { status } = spawnSync(process.execPath, ['--enable-source-maps', '--test', '--test-concurrency=2', ...files], { cwd: root, stdio: 'inherit' })
process.exit(status ?? 1)
