// Adapters apart from their backbones: taken out, put in, merged, several on one backbone. Files are in file.ts, which needs Node.

export { type AblatedSpan, type AblationOptions, type AdapterAblation, adapterAblation, formatAblation } from './ablation.js'
export { type Adapter, adapterOf, adapterSize } from './adapter.js'
export { type AttachOptions, withAdapter } from './attach.js'
export { mergeAdapters } from './merge.js'
export { type AdapterSet, adapterSet } from './set.js'
