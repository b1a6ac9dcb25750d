// Every operation that is read, by domain.

import type { Importer } from '../call.js'
import { attentions } from './attention.js'
import { elementwise } from './elementwise.js'
import { indexing } from './indexing.js'
import { microsoft } from './microsoft.js'
import { normalization } from './normalization.js'
import { products } from './products.js'
import { reductions } from './reductions.js'
import { rotary } from './rotary.js'
import { shapes } from './shape.js'

export const operations: Readonly<Record<string, Readonly<Record<string, Importer>>>> = {
  '': { ...shapes, ...elementwise, ...products, ...reductions, ...normalization, ...indexing, ...attentions, ...rotary },
  'com.microsoft': microsoft,
}
