// The tensors of one store: named, typed, each at a place in the executor's memory that never moves while the store lives (DESIGN E1).

import { arrayOf, bytesOf, type DType, type TypedArray } from '../graph/dtype.js'
import type { StoreMemory } from './memory.js'

export interface Declaration {
  path: string
  dtype: DType
  shape: readonly number[]
}

/** A tensor's place. */
export interface Cell {
  dtype: DType
  shape: number[]
  pointer: number
  length: number
}

/** A tensor as a table of rows of floats. */
export const tableOf = ({ pointer, shape, length }: Cell) => ({ pointer, rows: shape[0]!, width: length / shape[0]! })

/** Some rows of a tensor, as a tensor. */
export function rowsOf({ dtype, shape, pointer, length }: Cell, { from, to }: { from: number; to: number }): Cell {
  const width = length / shape[0]!
  return { dtype, shape: [to - from, ...shape.slice(1)], pointer: pointer + from * width * bytesOf[dtype], length: (to - from) * width }
}

/** The number of elements of the present shape, which in scratch memory may be less than there is room for. */
export const count = (cell: Cell) => cell.shape.reduce((product, size) => product * size, 1)

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)

export class CellStore {
  readonly cells = new Map<string, Cell>()
  constructor(
    readonly name: string,
    private readonly memory: StoreMemory,
  ) {}

  /** Makes room for tensors, filled with zeros; those that exist with the same type are kept. */
  declare(declarations: readonly Declaration[]): void {
    for (const { path, dtype, shape } of declarations) {
      if (!shape.every((size) => Number.isInteger(size) && size >= 0))
        throw new Error(`store ${this.name}: ${path} has the shape [${shape}]: a store needs fixed sizes; give the capacity of each named one`)
      const known = this.cells.get(path)
      if (known) {
        if (known.dtype === dtype && String(known.shape) === String(shape)) continue
        throw new Error(
          `store ${this.name}: ${path} is ${known.dtype} [${known.shape}] already: it cannot become ${dtype} [${shape}]; remove it first`,
        )
      }
      const length = sizeOf(shape)
      const pointer = this.memory.allocateZeros(Math.max(length * bytesOf[dtype], 4))
      this.cells.set(path, { dtype, shape: [...shape], pointer, length })
    }
  }

  cell(path: string): Cell {
    const cell = this.cells.get(path)
    if (!cell)
      throw new Error(
        `store ${this.name}: there is no ${path}; ${this.cells.size === 0 ? 'the store is empty' : `it has ${[...this.cells.keys()].slice(0, 4).join(', ')} …`}`,
      )
    return cell
  }

  /** The tensor's memory itself; valid until memory grows. */
  view(path: string): TypedArray {
    const { dtype, length, pointer } = this.cell(path)
    return arrayOf(dtype, length, this.memory.memory.buffer as ArrayBuffer, pointer)
  }

  write(path: string, data: TypedArray | readonly number[], offset = 0): void {
    const view = this.view(path)
    const { dtype } = this.cell(path)
    if ((dtype === 'f16' || dtype === 'bf16') && !(data instanceof Uint16Array))
      throw new Error(`store ${this.name}: ${path} is ${dtype}: write its bits as a Uint16Array`)
    if (offset + data.length > view.length)
      throw new Error(`store ${this.name}: ${data.length} values at ${offset} do not fit ${path}, which has ${view.length}`)
    ;(view as Float32Array).set(data as ArrayLike<number>, offset)
  }

  read(path: string): TypedArray {
    return this.view(path).slice()
  }

  remove(path: string): void {
    const { pointer } = this.cell(path)
    this.memory.release(pointer)
    this.cells.delete(path)
  }

  dispose(): void {
    for (const path of [...this.cells.keys()]) this.remove(path)
  }
}
