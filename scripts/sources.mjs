// The repository's TypeScript sources and what each of them imports, for the tests of structure.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

export const read = (file) => readFileSync(join(root, file), 'utf8')

/** Files below a folder, as paths from the root with forward slashes. */
export const filesBelow = (folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .map((file) => `${folder}/${file}`.replaceAll('\\', '/'))
    .filter((file) => !/(^|\/)(node_modules|dist|\.venv|\.cache)\//.test(file))
    .sort()

/**
 * The import and export statements of a source, and the workers it starts: `{ specifier, typeOnly }`.
 * Statements begin a line (the formatter sees to it), so text inside strings and comments is not taken for one.
 */
export function importsOf(source) {
  const found = []
  for (const [, type, specifier] of source.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'"`;=()]*?\sfrom\s+)?'([^'\n]+)'/gm))
    found.push({ specifier, typeOnly: type !== undefined })
  for (const [, specifier] of source.matchAll(/\bimport\('([^'\n]+)'\)/g)) found.push({ specifier, typeOnly: false })
  for (const [, specifier] of source.matchAll(/new URL\('(\.[^'\n]+\.js)', import\.meta\.url\)/g)) found.push({ specifier, typeOnly: false })
  return found
}

/** The source file that a relative specifier (`./x.js`) or a package's own `#name` means; undefined for another package. */
export function resolve(file, specifier) {
  const path = specifier.startsWith('#') ? ownImport(file, specifier) : specifier
  if (!path?.startsWith('.')) return undefined
  const base = specifier.startsWith('#') ? packageOf(file) : dirname(file)
  const target = posix.join(base, path).replace('/dist/', '/src/')
  return target.replace(/\.(d\.ts|js)$/, '.ts')
}

const packageOf = (file) => file.slice(0, file.indexOf('/src/'))

/** The first path that a package's `imports` gives for a name: any of them, since all lie in one folder. */
function ownImport(file, name) {
  const first = (value) => (typeof value === 'string' ? value : Object.values(value ?? {}).map(first)[0])
  return first(manifest(packageOf(file)).imports?.[name])
}

export const manifest = (folder) => JSON.parse(read(`${folder}/package.json`))

/** Folders of all workspaces. */
export const workspaces = () =>
  JSON.parse(read('package.json')).workspaces.flatMap((pattern) =>
    pattern.endsWith('/*')
      ? readdirSync(join(root, pattern.slice(0, -2)))
          .map((name) => `${pattern.slice(0, -2)}/${name}`)
          .filter((folder) => existsSync(join(root, folder, 'package.json')))
      : [pattern],
  )
