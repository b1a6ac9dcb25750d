// Builds everything: the AssemblyScript kernels first (they are embedded as text), then every TypeScript project.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = (command, args) => {
  const { status } = spawnSync(process.execPath, [command, ...args], { cwd: root, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

if (existsSync(`${root}packages/tensor/scripts/build-kernels.mjs`)) run('packages/tensor/scripts/build-kernels.mjs', [])
run('node_modules/typescript/bin/tsc', ['-b', 'packages/tensor', 'packages/thaw', 'bench', 'examples'])
