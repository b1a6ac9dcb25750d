// `npm run example` lists the programs of examples/ with what they show; `npm run example -- NAME` runs one.
// `npm run docs` runs them all, notes below each what it printed, and puts them into the documentation where it asks for them.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { layersMarkdown } from './layers.mjs'
import { filesBelow, read, root } from './sources.mjs'

const folder = join(root, 'examples')

/** The names of all examples. */
export const exampleNames = () =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -3))

/** The tutorial's six hands-on parts, which are not shown in the documentation: hands-on-1 …. */
export const handsOnNames = () =>
  readdirSync(join(folder, 'hands-on'))
    .flatMap((file) => /^part-(\d)\.ts$/.exec(file)?.[1] ?? [])
    .map((number) => `hands-on-${number}`)

/** Where an example is, below the folder and without its ending. */
const fileOf = (name) => name.replace(/^hands-on-(\d)$/, 'hands-on/part-$1')

/** An example in its parts: the comment it begins with, the program, and what it prints, which it ends with as a comment. */
export function exampleParts(name) {
  const [, about, program, printed] = /^((?:\/\/ .*\n)+)([\s\S]*?)\n((?:\/\/.*\n)*)$/.exec(read(`examples/${fileOf(name)}.ts`))
  return { about, program, printed }
}

/** Runs an example in a folder of its own (it finds examples/data there), so that nothing is left behind. Returns what it printed. */
export function runExample(name, options = []) {
  const work = mkdtempSync(join(tmpdir(), 'thaw-example-'))
  try {
    symlinkSync(folder, join(work, 'examples'), 'junction')
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'dist', `${fileOf(name)}.js`), ...options], {
      cwd: work,
      encoding: 'utf8',
    })
    if (status !== 0) throw new Error(`examples/${name}.ts ended with ${status}:\n${stdout}${stderr}`)
    return stdout
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Output as the comment an example ends with. */
export const asComment = (output) =>
  output
    .trimEnd()
    .split('\n')
    .map((line) => `// ${line}`.trimEnd())
    .join('\n')
    .concat('\n')

/** Pages that may show examples, between `<!-- example NAME -->` and the end of the code block below it. */
export const pages = () => [
  'README.md',
  'CONTRIBUTING.md',
  'packages/tensor/README.md',
  'packages/thaw/README.md',
  ...filesBelow('docs').filter((file) => file.endsWith('.md')),
]

/** A page with its examples, and the table of layers, as they are now. */
export const withExamples = (page) =>
  page
    .replace(/(<!-- layers -->\n)(\n|\|.*\n)*/, (_, marker) => `${marker}\n${layersMarkdown()}\n\n`)
    .replaceAll(/(<!-- example (\S+) -->\n)```ts\n(?:(?!```).*\n)*```/g, (_, marker, name) => {
      const { program, printed } = exampleParts(name)
      return `${marker}\`\`\`ts\n${program.trim()}\n${printed}\`\`\``
    })

function update() {
  for (const name of exampleNames()) {
    const { about, program } = exampleParts(name)
    writeFileSync(join(folder, `${name}.ts`), `${about}${program}\n${asComment(runExample(name))}`)
  }
  for (const page of pages()) writeFileSync(join(root, page), withExamples(read(page)))
}

function main([name, ...options]) {
  if (name === '--update') return update()
  if (name === undefined) {
    for (const each of [...exampleNames(), ...handsOnNames()])
      console.log(
        `${each.padEnd(16)}${exampleParts(each)
          .about.replaceAll(/^\/\/ /gm, '')
          .trim()
          .replaceAll('\n', ' ')}`,
      )
    return console.log(
      '\nnpm run example -- NAME runs one; hands-on-1 to hands-on-6 take --quick, and options that examples/hands-on/setting.ts lists',
    )
  }
  const names = [...exampleNames(), ...handsOnNames()]
  if (!names.includes(name)) {
    console.error(`There is no example ${name}; there are ${names.join(', ')}.`)
    process.exitCode = 1
    return
  }
  process.exitCode =
    spawnSync(process.execPath, [join(folder, 'dist', `${fileOf(name)}.js`), ...options], { cwd: root, stdio: 'inherit' }).status ?? 1
}

if (process.argv[1] === join(root, 'scripts', 'example.mjs')) main(process.argv.slice(2))
