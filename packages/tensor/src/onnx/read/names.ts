// Dotted paths for weights. Exporters fold a layer's transpose into its weight and then call it `onnx::MatMul_123` or `val_67`; what module it
// belongs to is still told by the bias beside it, by the node that consumes it, or by what the exporter noted of that node.

import type { NodeMessage } from './messages.js'

/** Names that an exporter made up. */
const generated = /^(onnx::|_?val_|_v_)|^\d+$|^\/|^(const|constant|constant_folded|tensor|initializer|transpose[d]?|t|arg|param)[._]?\d*$/i

export const isGenerated = (name: string): boolean => name === '' || generated.test(name)

/**
 * The module of a node. PyTorch's newer exporter writes it down (`pkg.torch.onnx.name_scopes`, last the traced operation itself); its older one
 * names nodes after it: `/encoder/layer.0/attention/self/query/MatMul`.
 */
export function scopeOf(node: NodeMessage): string | undefined {
  const written = node.metadata.get('pkg.torch.onnx.name_scopes')
  if (written) {
    const scopes = [...written.matchAll(/'([^']*)'/g)].map((match) => match[1]!)
    return scopes.slice(0, -1).findLast((scope) => scope !== '')
  }
  return node.name.startsWith('/') ? joined(node.name.split('/').slice(1, -1)) : undefined
}

/** Only where the exporter wrote the module down: names of nodes tell calls apart, not modules. */
export const writtenScope = (node: NodeMessage): string | undefined => (node.metadata.has('pkg.torch.onnx.name_scopes') ? scopeOf(node) : undefined)

/** A called container precedes its own elements: `model/model.0/auto_model` is `model.0.auto_model`. */
function joined(parts: readonly string[]): string | undefined {
  const kept = parts.filter((part, i) => !parts[i + 1]?.startsWith(`${part}.`))
  return kept.length === 0 ? undefined : kept.join('.')
}

/** The path itself, or with a number where it is taken. */
export function unique(path: string, taken: { has(path: string): boolean }): string {
  for (let i = 1; ; i++) {
    const name = i === 1 ? path : `${path}_${i}`
    if (!taken.has(name)) return name
  }
}
