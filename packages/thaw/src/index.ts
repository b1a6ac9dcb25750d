// The toolkit's public names.

export type { TransformerConfig } from './models/config.js'
export { parameterShapes } from './models/shapes.js'
export { sinusoids, transformer } from './models/transformer.js'
export { Scope } from './nn/scope.js'
