// Compiles assembly/index.ts (AssemblyScript, TypeScript's dialect for WebAssembly) and embeds the module as base64 in
// src/executor/update/kernels.generated.ts, so that Node, a bundler and the browser load it the same way, without a file to fetch.
// What was compiled from the same sources by the same compiler is kept: the compiler takes ten times as long as everything else of a build.
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(new URL('../assembly/index.ts', import.meta.url))
const target = fileURLToPath(new URL('../src/executor/update/kernels.generated.ts', import.meta.url))
const head = `// Written by scripts/build-kernels.mjs from assembly/ (${stamp()}): do not edit.\n`
if (!read(target)?.startsWith(head)) await build()

async function build() {
  const { default: asc } = await import('assemblyscript/asc')
  const folder = mkdtempSync(join(tmpdir(), 'kernels-'))
  try {
    await compile(asc, folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function compile(asc, folder) {
  const binary = join(folder, 'kernels.wasm')
  const options = [
    '--baseDir',
    '/',
    '-O3',
    '--noAssert',
    '--runtime',
    'stub',
    '--enable',
    'simd',
    '--importMemory',
    '--noExportMemory',
    '--initialMemory',
    '1',
  ]
  const { error, stderr } = await asc.main([source, '-o', binary, ...options])
  if (error) throw new Error(`the kernels do not compile:\n${stderr.toString()}`)
  const bytes = readFileSync(binary)
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes))
  if (imports.length !== 1 || imports[0].name !== 'memory') throw new Error(`the kernels may import only a memory, found ${JSON.stringify(imports)}`)
  if (sections(bytes).includes(11))
    throw new Error('the kernels hold a data segment, which would overwrite the store: use no strings, static arrays or Math tables')
  writeFileSync(target, `${head}export const kernelsBase64 =\n  '${bytes.toString('base64')}'\n`)
}

/** A hash of everything the kernels come from: their sources, this script, the compiler's version. */
function stamp() {
  const hash = createHash('sha256')
  const assembly = fileURLToPath(new URL('../assembly/', import.meta.url))
  for (const file of readdirSync(assembly).sort()) hash.update(file).update(read(join(assembly, file)) ?? '')
  hash.update(readFileSync(fileURLToPath(import.meta.url)))
  const { version } = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('assemblyscript/package.json'), 'utf8'))
  return hash.update(version).digest('hex').slice(0, 16)
}

/** The file's text, or nothing where it is absent. */
function read(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** The ids of a module's sections in order (11 is data): an id byte and a LEB128 length each, after the 8 bytes of magic and version. */
function sections(bytes) {
  const ids = []
  for (let at = 8; at < bytes.length; ) {
    ids.push(bytes[at++])
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      length += (byte & 127) * 2 ** shift
      if (byte < 128) break
    }
    at += length
  }
  return ids
}
