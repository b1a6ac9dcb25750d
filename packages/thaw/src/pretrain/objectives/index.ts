// The objectives by name, as `pretrain` chooses among them.

import type { ObjectiveName } from '../settings.js'
import { causal } from './causal.js'
import { masked } from './masked.js'
import type { ObjectiveKind } from './objective.js'
import { replaced } from './replaced.js'

export const objectiveKinds: Readonly<Record<ObjectiveName, ObjectiveKind>> = { causal, masked, replaced }
