// What a user of the engine holds: an executor, its stores, and programs bound to stores (DESIGN E1).

import type { DType, TypedArray } from '../graph/dtype.js'
import type { Tensor } from '../graph/tensor.js'
import { stateOperation } from '../graph/tensor.js'
import type { Host, RunRequest, RunResult } from './host.js'
import { type Compiled, compileProgram, type Program } from './program.js'
import type { Declaration } from './store.js'

/** A way to call a host's methods: directly, or by messages to a worker. */
export interface Connection {
  call<K extends keyof Host>(
    method: K,
    ...args: Host[K] extends (...args: infer A) => unknown ? A : never
  ): Promise<Host[K] extends (...args: never[]) => infer R ? Awaited<R> : never>
  close(): Promise<void>
}

/** Tensors by path. Programs that are bound to it share it; nothing is copied. */
export class Store {
  constructor(
    readonly id: number,
    readonly name: string,
    private readonly connection: Connection,
  ) {}

  /** Makes room for tensors, zero-filled. Paths that exist with the same type are left as they are. */
  declare(declarations: readonly (Declaration | Tensor)[]): Promise<void> {
    const plain = declarations.map((x) => ('node' in x ? declarationOf(x) : x))
    return this.connection.call('declare', this.id, plain)
  }
  /** Overwrites a tensor, or a part of it from an offset (in elements) on. */
  write(path: string, data: TypedArray | readonly number[], offset = 0): Promise<void> {
    return this.connection.call('write', this.id, path, (Array.isArray(data) ? Float32Array.from(data) : data) as TypedArray, offset)
  }
  /** Fills an f32 tensor with one value, or with N(0, std²) as a function of the seed. */
  fill(path: string, content: { value: number } | { std: number; seed: number }): Promise<void> {
    return this.connection.call('fill', this.id, path, content)
  }
  /** Copies all tensors over those of another store with the same paths. */
  copyTo(other: Store): Promise<void> {
    return this.connection.call('copy', this.id, other.id)
  }
  /** A copy of a tensor. */
  read(path: string): Promise<TypedArray> {
    return this.connection.call('read', this.id, path)
  }
  /** What is in the store. */
  describe(): Promise<Declaration[]> {
    return this.connection.call('describe', this.id)
  }
  remove(path: string): Promise<void> {
    return this.connection.call('remove', this.id, path)
  }
  /** The path of the largest absolute value; NaN counts as largest. */
  largest(): Promise<{ path: string; value: number }> {
    return this.connection.call('largest', this.id)
  }
  dispose(): Promise<void> {
    return this.connection.call('disposeStore', this.id)
  }
}

function declarationOf(tensor: Tensor): Declaration {
  const { operation, attributes } = tensor.node
  if (operation !== stateOperation) throw new Error('declare: only state() and parameter() tensors live in stores')
  // a size that is named is sent as its text, which the store refuses
  return {
    path: attributes.path as string,
    dtype: tensor.dtype,
    shape: tensor.shape.map((size) => (typeof size === 'number' ? size : String(size))) as number[],
  }
}

export interface Feed {
  data: TypedArray
  shape: readonly number[]
}

export interface RunOptions {
  feeds?: Readonly<Record<string, Feed>>
  /** Numbers that kernels read: `rate`, … */
  scalars?: Readonly<Record<string, number>>
  /** Dropout masks are a function of seed, step and microstep. */
  seed?: number
  step?: number
  microstep?: number
}

export interface CompileOptions {
  /** Sizes of named dimensions that are known: the program is compiled for each of these, and in general for all others. */
  shapes?: readonly Readonly<Record<string, number>>[]
  /** Inference: these namespaces become constants of the compiled program, which then no longer sees changes (DESIGN E10). Others are bound as usual. */
  constants?: Readonly<Record<string, Store>>
  /** Let the runtime optimise the graph: for programs that do not train. */
  inference?: boolean
  /** Overrides the executor's option. */
  arena?: boolean
}

/** A program on an executor. Binding it to stores costs nothing. */
export class Executable {
  constructor(
    private readonly connection: Connection,
    private readonly variants: { sizes: Readonly<Record<string, number>>; compiled: Compiled; id: number }[],
    private readonly general: { compiled: Compiled; id: number },
  ) {}

  /** ONNX operations of the program and how often each occurs. */
  get operations(): Record<string, number> {
    return this.general.compiled.operations
  }

  /** Names of what a run has to feed. */
  get feeds(): string[] {
    return this.general.compiled.feeds.map((port) => port.name)
  }

  bind(stores: Readonly<Record<string, Store>>): Bound {
    const bindings = Object.fromEntries(Object.entries(stores).map(([namespace, store]) => [namespace, store.id]))
    return { run: (options = {}) => this.run(bindings, options) }
  }

  private run(bindings: Record<string, number>, { feeds = {}, scalars = {}, seed = 0, step = 0, microstep = 0 }: RunOptions): Promise<RunResult> {
    const request: RunRequest = {
      program: this.choose(feeds),
      bindings,
      feeds: Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, feed.data])),
      shapes: Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, feed.shape])),
      scalars: { ...scalars },
      seed,
      step,
      microstep,
    }
    return this.connection.call('run', request)
  }

  private choose(feeds: Readonly<Record<string, Feed>>): number {
    for (const { sizes, id } of this.variants) {
      const fits = this.general.compiled.feeds.every((port) =>
        port.shape.every(
          (size, axis) =>
            typeof size === 'number' ||
            size.terms.length !== 1 ||
            size.terms[0]!.atoms.length !== 1 ||
            fitsName(sizes, size.terms[0]!.atoms[0]!, feeds[port.name]?.shape[axis]),
        ),
      )
      if (fits) return id
    }
    return this.general.id
  }

  async dispose(): Promise<void> {
    for (const { id } of [...this.variants, this.general]) await this.connection.call('unload', id)
  }
}

const fitsName = (sizes: Readonly<Record<string, number>>, atom: unknown, given: number | undefined) =>
  typeof atom !== 'string' || sizes[atom] === undefined || sizes[atom] === given

/** A program with its stores. */
export interface Bound {
  run(options?: RunOptions): Promise<RunResult>
}

/** Runs programs and owns the stores they work on. */
export class Executor {
  constructor(
    /** The runtime it is on: onnxruntime-node or onnxruntime-web. */
    readonly name: string,
    readonly threads: number,
    private readonly connection: Connection,
  ) {}

  async store(name: string): Promise<Store> {
    return new Store(await this.connection.call('createStore', name), name, this.connection)
  }

  async compile(program: Program, options: CompileOptions = {}): Promise<Executable> {
    const constants = options.constants && Object.fromEntries(Object.entries(options.constants).map(([namespace, store]) => [namespace, store.id]))
    const load = async (sizes?: Readonly<Record<string, number>>) => {
      const compiled = compileProgram(program, { sizes: new Map(Object.entries(sizes ?? {})), constants: new Set(Object.keys(constants ?? {})) })
      const id = await this.connection.call('load', compiled, {
        ...(constants ? { constants } : {}),
        ...(options.inference === undefined ? {} : { inference: options.inference }),
        ...(options.arena === undefined ? {} : { arena: options.arena }),
      })
      return { compiled: { ...compiled, model: new Uint8Array() }, id }
    }
    const variants = []
    for (const sizes of options.shapes ?? []) variants.push({ sizes, ...(await load(sizes)) })
    return new Executable(this.connection, variants, await load())
  }

  /** Ends the worker and frees everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.call('dispose')
    await this.connection.close()
  }
}

/** An executor over a connection to a host, and the reason why it runs on another runtime than the platform's first choice. */
export async function openExecutor(connection: Connection): Promise<{ executor: Executor; fallback: string | undefined }> {
  try {
    const { runtime, threads, fallback } = await connection.call('about')
    return { executor: new Executor(runtime, threads, connection), fallback }
  } catch (error) {
    await connection.close()
    throw error
  }
}

export type { DType }
