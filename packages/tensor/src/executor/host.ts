// The engine's side that owns memory: stores, programs and their runs. It lives in a worker (or, where asked, in the caller's thread) and is
// spoken to through plain messages, so every method takes and returns plain data.

import { dimFromPlain, evaluateDim, type PlainDim } from '../graph/dim.js'
import { arrayOf, bytesOf, type DType, type TypedArray } from '../graph/dtype.js'
import type { Port } from '../onnx/lower.js'
import { addInitializers } from '../onnx/wire.js'
import { checkExpressions, checkFeed } from './feeds.js'
import { MaskPools } from './masks.js'
import { createMemory, type StoreMemory } from './memory.js'
import type { Compiled } from './program.js'
import type { Runtime, RuntimeSession, RuntimeTensor } from './runtime.js'
import { runSteps } from './steps.js'
import { type Cell, CellStore, type Declaration } from './store.js'
import { createKernels, type Kernels } from './update/kernels.js'
import { runWrites } from './writes.js'

export interface HostOptions {
  threads: number
  arena: boolean
}

export interface RunRequest {
  program: number
  /** Store ids by namespace. */
  bindings: Record<string, number>
  feeds: Record<string, TypedArray>
  shapes: Record<string, readonly number[]>
  scalars: Record<string, number>
  seed: number
  step: number
  microstep: number
}

export interface RunResult {
  outputs: Record<string, { dtype: DType; shape: number[]; data: TypedArray }>
  /** What the kernels computed: norms. */
  values: Record<string, number>
}

interface Loaded {
  compiled: Compiled
  session: RuntimeSession | undefined
  /** Scratch memory by output name, for values that kernels and writes read. */
  scratch: Map<string, Cell>
}

const fitDims = (port: Port, shape: readonly number[], sizes: Map<string, number>) => {
  if (shape.length !== port.shape.length) throw new Error(`${port.name}: fed with the shape [${shape}]: expected rank ${port.shape.length}`)
  port.shape.forEach((plain, axis) => {
    const size = dimFromPlain(plain)
    const given = shape[axis]!
    if (typeof size === 'number') {
      if (size !== given) throw new Error(`${port.name}: axis ${axis} has size ${given}: expected ${size}`)
    } else if (/^[a-z_][a-z0-9_]*$/i.test(size.text)) {
      const known = sizes.get(size.text)
      if (known !== undefined && known !== given)
        throw new Error(`${port.name}: axis ${axis} (${size.text}) has size ${given}, but another input gave ${known}`)
      sizes.set(size.text, given)
    }
  })
}

const evaluateShape = (shape: readonly PlainDim[], sizes: ReadonlyMap<string, number>) => shape.map((size) => evaluateDim(dimFromPlain(size), sizes))

/** The largest memory the machine promises: pages cost nothing until they are touched, and a memory that never grows keeps its views. */
function roomiest(): StoreMemory {
  for (let bytes = 2 ** 32 - 65_536; ; bytes = Math.floor(bytes / 2)) {
    try {
      return createMemory(bytes)
    } catch (error) {
      if (bytes < 2 ** 26) throw error
    }
  }
}

export class Host {
  readonly memory: StoreMemory = roomiest()
  private readonly kernels: Kernels = createKernels(this.memory.memory)
  private readonly stores = new Map<number, CellStore>()
  private readonly programs = new Map<number, Loaded>()
  private readonly masks: MaskPools
  private nextId = 1

  constructor(
    private readonly runtime: Runtime,
    private readonly options: HostOptions,
    private readonly fallback?: string,
  ) {
    this.masks = new MaskPools(this.memory, this.kernels, runtime.copiesInputs)
  }

  /** What the host runs on; where it is a stand-in for a runtime that cannot be loaded, why. */
  about(): { runtime: string; threads: number; fallback: string | undefined } {
    return { runtime: this.runtime.name, threads: this.options.threads, fallback: this.fallback }
  }

  private get buffer(): ArrayBuffer {
    return this.memory.memory.buffer as ArrayBuffer
  }

  createStore(name: string): number {
    this.stores.set(this.nextId, new CellStore(name, this.memory))
    return this.nextId++
  }

  private store(id: number): CellStore {
    const store = this.stores.get(id)
    if (!store) throw new Error(`store ${id} has been disposed of`)
    return store
  }

  declare(store: number, declarations: Declaration[]): void {
    this.store(store).declare(declarations)
  }

  write(store: number, path: string, data: TypedArray, offset = 0): void {
    this.store(store).write(path, data, offset)
  }

  /** Fills a tensor with one value, or with N(0, std²) from a seed. */
  fill(store: number, path: string, content: { value: number } | { std: number; seed: number }): void {
    const { pointer, length, dtype } = this.store(store).cell(path)
    if (dtype !== 'f32') throw new Error(`${path} is ${dtype}: only f32 tensors are filled; write() its values`)
    if ('value' in content) this.kernels.fill(pointer, length, content.value)
    else this.kernels.normal(pointer, length, { low: content.seed >>> 0, high: 0 }, content.std)
  }

  /** Copies a store's tensors over those of another that has the same paths. */
  copy(from: number, to: number): void {
    for (const [path, { dtype }] of this.store(from).cells) {
      const [source, target] = [this.store(from).cell(path), this.store(to).cell(path)]
      if (source.dtype !== target.dtype || source.length !== target.length)
        throw new Error(`copy: ${path} is ${dtype} [${source.shape}] in one store and ${target.dtype} [${target.shape}] in the other`)
      new Uint8Array(this.buffer).copyWithin(target.pointer, source.pointer, source.pointer + source.length * bytesOf[dtype])
    }
  }

  read(store: number, path: string): TypedArray {
    return this.store(store).read(path)
  }

  describe(store: number): Declaration[] {
    return [...this.store(store).cells].map(([path, { dtype, shape }]) => ({ path, dtype, shape }))
  }

  remove(store: number, path: string): void {
    this.store(store).remove(path)
  }

  disposeStore(store: number): void {
    this.store(store).dispose()
    this.stores.delete(store)
  }

  /** The path of the largest absolute value in a store (NaN counts as largest): where a diverging gradient is found. */
  largest(store: number): { path: string; value: number } {
    let found = { path: '', value: -1 }
    for (const [path, { pointer, length, dtype }] of this.store(store).cells) {
      if (dtype !== 'f32') continue
      const value = this.kernels.countNonFinite(pointer, length) > 0 ? Number.NaN : this.kernels.maxAbs(pointer, length)
      if (Number.isNaN(value)) return { path, value }
      if (value > found.value) found = { path, value }
    }
    return found
  }

  async load(compiled: Compiled, options: { constants?: Record<string, number>; inference?: boolean; arena?: boolean }): Promise<number> {
    let session: RuntimeSession | undefined
    const foreign = [...compiled.states, ...compiled.feeds, ...compiled.outputs].find((port) => port.dtype === 'bf16')
    if (foreign)
      throw new Error(`${foreign.name}: bf16 cannot be handed to ${this.runtime.name}: store f16, or widen the values to f32 when they are read`)
    if (compiled.outputs.length > 0) {
      let model = compiled.model
      if (options.constants) {
        const bindings = options.constants
        const initializers = compiled.constants.map((port) => {
          const store = this.store(bindings[port.namespace] ?? missing(port.namespace))
          const { dtype, shape } = store.cell(port.path)
          return { name: port.name, dtype, shape, data: store.view(port.path) }
        })
        model = addInitializers(model, initializers)
      }
      session = await this.runtime.createSession(model, {
        threads: this.options.threads,
        arena: options.arena ?? this.options.arena,
        optimize: options.inference ?? options.constants !== undefined,
      })
    }
    const id = this.nextId++
    this.programs.set(id, {
      compiled: { ...compiled, model: new Uint8Array() },
      session,
      scratch: new Map(),
    })
    return id
  }

  async unload(program: number): Promise<void> {
    const loaded = this.programs.get(program)
    this.programs.delete(program)
    for (const { pointer } of loaded?.scratch.values() ?? []) this.memory.release(pointer)
    await loaded?.session?.release()
  }

  async run(request: RunRequest): Promise<RunResult> {
    const loaded = this.programs.get(request.program)
    if (!loaded) throw new Error('the program has been disposed of')
    const { compiled, session } = loaded
    const storeOf = (namespace: string) => this.store(request.bindings[namespace] ?? missing(namespace))
    const sizes = new Map<string, number>()
    for (const port of compiled.feeds) {
      // a scalar that kernels read may be an input of the graph as well: rates, divisors
      const scalar = request.scalars[port.name] ?? (port.name === 'divisor' ? 1 : undefined)
      if (port.shape.length === 0 && port.dtype === 'f32' && !request.feeds[port.name] && scalar !== undefined) {
        request.feeds[port.name] = Float32Array.of(scalar)
        request.shapes[port.name] = []
      }
      const shape = request.shapes[port.name]
      if (!shape) throw new Error(`${port.name}: not fed; the program takes ${compiled.feeds.map((x) => x.name).join(', ')}`)
      fitDims(port, shape, sizes)
      checkFeed(port, request.feeds[port.name]!, shape)
    }
    for (const port of compiled.feeds) checkExpressions(port, request.shapes[port.name]!, sizes)
    for (const name of Object.keys(request.feeds))
      if (!compiled.feeds.some((port) => port.name === name)) throw new Error(`${name}: fed, but the program does not take it`)
    for (const port of compiled.states) fitDims(port, storeOf(port.namespace).cell(port.path).shape, sizes)

    const result: RunResult = { outputs: {}, values: {} }
    if (session) {
      const masks = this.masks.inputs(compiled.masks, sizes, request)
      const needed = this.planOutputs(loaded, sizes, request)
      // from here on memory does not grow, so that views stay valid
      const inputs: Record<string, RuntimeTensor> = { ...masks }
      for (const port of compiled.feeds) inputs[port.name] = { dtype: port.dtype, shape: request.shapes[port.name]!, data: request.feeds[port.name]! }
      for (const port of compiled.states) {
        const store = storeOf(port.namespace)
        const { dtype, shape } = store.cell(port.path)
        if (dtype !== port.dtype) throw new Error(`${port.path}: the store has ${dtype}, the program reads ${port.dtype}`)
        inputs[port.name] = { dtype, shape, data: store.view(port.path) }
      }
      const outputs: Record<string, { dtype: DType; shape: number[]; data: TypedArray }> = {}
      for (const { name, dtype, shape, pointer, length } of needed)
        outputs[name] = { dtype, shape, data: pointer === undefined ? arrayOf(dtype, length) : arrayOf(dtype, length, this.buffer, pointer) }
      await session.run(inputs, outputs)
      for (const name of compiled.results) {
        const { dtype, shape, data } = outputs[name]!
        result.outputs[name] = { dtype, shape, data: data.buffer === this.buffer ? data.slice() : data }
      }
      runWrites(loaded.compiled.writes, loaded.scratch, storeOf, this.memory, this.kernels)
    }
    runSteps(compiled.steps, {
      scratch: loaded.scratch,
      storeOf,
      memory: this.memory,
      kernels: this.kernels,
      scalars: request.scalars,
      values: result.values,
      rows: [],
    })
    return result
  }

  /** Where each output of the graph goes: straight into its state, into scratch memory, or into a fresh array. */
  private planOutputs(loaded: Loaded, sizes: Map<string, number>, request: RunRequest) {
    const { compiled, scratch } = loaded
    const read = new Set(compiled.states.map((port) => `${request.bindings[port.namespace]}:${port.path}`))
    const direct = new Map<string, Cell>()
    for (const write of compiled.writes) {
      if (write.kind !== 'replace') continue
      const id = request.bindings[write.namespace] ?? missing(write.namespace)
      // a state that the same graph reads must not be written while it runs (DESIGN, traps)
      if (!read.has(`${id}:${write.path}`)) direct.set(write.value!, this.store(id).cell(write.path))
    }
    const internal = new Set([
      ...compiled.writes.flatMap((write) => [write.value, write.ids, write.offset].filter((x) => x !== undefined)),
      ...compiled.steps.flatMap((step) => Object.values(step.values ?? {})),
    ])
    return compiled.outputs.map((port) => {
      const shape = evaluateShape(port.shape, sizes)
      const length = shape.reduce((product, size) => product * size, 1)
      const cell = direct.get(port.name)
      if (cell) {
        const room = scratch.get(port.name)
        if (room) this.memory.release(room.pointer)
        scratch.delete(port.name)
        return { name: port.name, dtype: port.dtype, shape, length, pointer: cell.pointer as number | undefined }
      }
      if (!internal.has(port.name)) return { name: port.name, dtype: port.dtype, shape, length, pointer: undefined }
      const room = scratch.get(port.name)
      const bytes = Math.max(length * bytesOf[port.dtype], 4)
      let pointer = room?.pointer
      if (!room || room.length * bytesOf[port.dtype] < bytes) {
        if (room) this.memory.release(room.pointer)
        pointer = this.memory.allocate(bytes)
        scratch.set(port.name, { dtype: port.dtype, shape, pointer, length })
      } else room.shape = shape
      return { name: port.name, dtype: port.dtype, shape, length, pointer }
    })
  }

  async dispose(): Promise<void> {
    for (const id of [...this.programs.keys()]) await this.unload(id)
    for (const id of [...this.stores.keys()]) this.disposeStore(id)
  }
}

function missing(namespace: string): never {
  throw new Error(`no store is bound to the namespace ${namespace}`)
}
