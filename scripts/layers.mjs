// Which folder may import which: a folder imports only from rows below its own (docs/architecture.md, "Layers"). A new folder needs a place here.

/** From the top down; folders in one row do not know each other. */
export const layers = {
  'packages/thaw/src': [
    ['index.ts', 'browser', 'cli'],
    ['demo'],
    ['export', 'generate'],
    ['adapt'],
    ['pretrain'],
    ['tasks', 'train'],
    ['hub', 'report'],
    ['baseline', 'data', 'metrics', 'models'],
    ['log', 'nn', 'text'],
  ],
  'packages/tensor/src': [['index.ts'], ['optim'], ['executor'], ['onnx'], ['graph']],
}

/** Imports of types alone that may point upwards, each with its reason. They vanish when compiled. */
export const typesOnly = [
  // an operation states its ONNX form beside its gradient, so it names the type of what it writes to
  { from: 'packages/tensor/src/graph/', to: 'packages/tensor/src/onnx/' },
]

/** Packages that a package's sources may not name at all. */
export const strangers = { 'packages/tensor/src': ['thaw'] }

/** Tests and what only they use (`testing/`) may import anything. */
export const isTest = (file) => file.includes('/testing/') || /\.test(\.\w+)?\.ts$/.test(file)

/** The table as the documentation shows it. */
export const layersMarkdown = () =>
  Object.entries(layers)
    .map(([folder, rows]) => `| \`${folder}\` |\n|---|\n${rows.map((names) => `| ${names.map((name) => `\`${name}\``).join(' ')} |`).join('\n')}`)
    .join('\n\n')
