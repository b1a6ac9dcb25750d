// Where a model's graph meets its parameters: a scope hands out one tensor per path, so that every program over the same paths shares a store
// (DESIGN E1), and names the places (sites) where adapters, taps and ablations act (E6).

import { type DType, parameter, type Tensor } from '@thaw/tensor'

export interface ScopeOptions {
  /** Dropout is on. */
  training?: boolean
  /** Put in the place of an activation, by site; the scope gives parameters and the activations before it. */
  sites?: ReadonlyMap<string, (x: Tensor, scope: Scope) => Tensor>
  /** Put in the place of a parameter, by path: weight-drop, pruning, low-rank updates. */
  parametrize?: ReadonlyMap<string, (weight: Tensor, scope: Scope) => Tensor>
  /** The namespace of a parameter; without it `params`. What stands in another one can be swapped without compiling anew (DESIGN E1). */
  namespaceOf?: (path: string) => string
}

export class Scope {
  readonly training: boolean
  /** Every parameter asked for, by path, in order. */
  readonly parameters = new Map<string, Tensor>()
  /** Activations by site, as the model passed them. */
  readonly taps = new Map<string, Tensor>()
  private readonly used = new Map<string, Tensor>()

  constructor(private readonly options: ScopeOptions = {}) {
    this.training = options.training ?? false
  }

  /** The parameter at a path; the same tensor each time. */
  parameter(path: string, shape: readonly number[], dtype: DType = 'f32'): Tensor {
    const known = this.used.get(path)
    if (known) return known
    const leaf = parameter(path, shape, { dtype, namespace: this.options.namespaceOf?.(path) ?? 'params' })
    this.parameters.set(path, leaf)
    const value = this.options.parametrize?.get(path)?.(leaf, this) ?? leaf
    this.used.set(path, value)
    return value
  }

  /** The activation that passed a site before. @throws where none has, listing some that have. */
  tap(path: string): Tensor {
    const value = this.taps.get(path)
    if (value) return value
    throw new Error(`site ${path}: nothing has passed it yet; there are ${[...this.taps.keys()].slice(-4).join(', ') || 'none'}`)
  }

  /** Names an activation, and lets what is registered for the site act on it. */
  site(path: string, x: Tensor): Tensor {
    const value = this.act(path, x, this)
    this.taps.set(path, value)
    return value
  }

  /** What is registered for a site makes of an activation, on behalf of a scope. */
  act(path: string, x: Tensor, scope: Scope): Tensor {
    return this.options.sites?.get(path)?.(x, scope) ?? x
  }

  /** A site's own name, where names must be distinct within a graph: dropout masks. */
  name(path: string): string {
    return path
  }

  /** A scope for a second network in the same graph: its paths begin with `prefix`, except those that both networks share. */
  within(prefix: string, shared: (path: string) => boolean = () => false): Scope {
    return new Part(this, prefix, shared, false)
  }

  /**
   * A scope for the same network once more in the same graph, on other inputs: parameters and what acts on sites are shared; the names of activations, and
   * with them the dropout masks, begin with `prefix`.
   */
  again(prefix: string): Scope {
    return new Part(this, prefix, () => true, true)
  }
}

class Part extends Scope {
  constructor(
    private readonly whole: Scope,
    private readonly prefix: string,
    private readonly shared: (path: string) => boolean,
    /** What is registered for the whole's sites acts on this network's too. */
    private readonly acted: boolean,
  ) {
    super({ training: whole.training })
  }

  override name(path: string): string {
    return this.whole.name(`${this.prefix}.${path}`)
  }

  override parameter(path: string, shape: readonly number[], dtype: DType = 'f32'): Tensor {
    return this.whole.parameter(this.shared(path) ? path : `${this.prefix}.${path}`, shape, dtype)
  }

  override tap(path: string): Tensor {
    return this.whole.tap(`${this.prefix}.${path}`)
  }

  override site(path: string, x: Tensor): Tensor {
    const value = this.whole.site(`${this.prefix}.${path}`, this.acted ? this.whole.act(path, x, this) : x)
    this.taps.set(path, value)
    return value
  }
}
