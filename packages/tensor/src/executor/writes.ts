// Updates of states from a graph's outputs, after all reads of the run (DESIGN E2): `rows`, `slice` and `gather` cost what they write, not the size of
// the state (three 30,522 × 384 tables: 0.2 ms, where row updates inside the graph took 81).

import { arrayOf, type TypedArray } from '../graph/dtype.js'
import type { StoreMemory } from './memory.js'
import type { Write } from './program.js'
import { type Cell, type CellStore, count, tableOf } from './store.js'
import type { Kernels } from './update/kernels.js'

/** Applies a graph's writes to their states. */
export function runWrites(
  writes: readonly Write[],
  scratch: Map<string, Cell>,
  storeOf: (namespace: string) => CellStore,
  memory: StoreMemory,
  kernels: Kernels,
): void {
  const read = (name: string): TypedArray => {
    const cell = scratch.get(name)!
    return arrayOf(cell.dtype, count(cell), memory.memory.buffer as ArrayBuffer, cell.pointer)
  }
  for (const write of writes) {
    const store = storeOf(write.namespace)
    const cell = store.cell(write.path)
    if (write.kind === 'replace') {
      const source = scratch.get(write.value!)
      if (source) (store.view(write.path) as Float32Array).set(read(write.value!) as Float32Array)
    } else if (write.kind === 'rows') writeRows(write, cell, store, read, scratch, kernels)
    else if (write.kind === 'slice')
      writeSlice(write, cell, store.view(write.path), read(write.value!), scratch.get(write.value!)!.shape, Number(read(write.offset!)[0]))
    else writeGather(write, cell, store.view(write.path), read(write.ids!))
  }
}

function writeRows(
  write: Write,
  cell: Cell,
  store: CellStore,
  read: (name: string) => TypedArray,
  scratch: Map<string, Cell>,
  kernels: Kernels,
): void {
  const table = tableOf(cell)
  const { width } = table
  const ids = read(write.ids!)
  checkIds(ids, table.rows, write.path)
  if (write.add) kernels.addRows(table, scratch.get(write.ids!)!.pointer, scratch.get(write.value!)!.pointer, ids.length)
  else {
    const target = store.view(write.path) as Float32Array
    const rows = read(write.value!) as Float32Array
    for (let i = 0; i < ids.length; i++) target.set(rows.subarray(i * width, (i + 1) * width), Number(ids[i]) * width)
  }
}

/** @throws naming the first id that is no row of the table. */
export function checkIds(ids: TypedArray, rows: number, path: string): void {
  for (const id of ids) if (Number(id) < 0 || Number(id) >= rows) throw new Error(`${path}: row ${id} is outside the table's ${rows} rows`)
}

function writeSlice(write: Write, cell: Cell, target: TypedArray, values: TypedArray, shape: readonly number[], offset: number): void {
  const axis = write.axis!
  const size = shape[axis]!
  if (offset < 0 || offset + size > cell.shape[axis]!)
    throw new Error(`${write.path}: ${size} places from ${offset} on do not fit axis ${axis}, which has ${cell.shape[axis]}`)
  const inner = cell.shape.slice(axis + 1).reduce((product, d) => product * d, 1)
  const outer = cell.shape.slice(0, axis).reduce((product, d) => product * d, 1)
  for (let i = 0; i < outer; i++) {
    const from = i * size * inner
    ;(target as Float32Array).set((values as Float32Array).subarray(from, from + size * inner), (i * cell.shape[axis]! + offset) * inner)
  }
}

function writeGather({ axis = 0, path }: Write, cell: Cell, target: TypedArray, ids: TypedArray): void {
  const size = cell.shape[axis]!
  if (ids.length > size) throw new Error(`${path}: ${ids.length} places are gathered along axis ${axis}, which has ${size}`)
  for (const id of ids) if (Number(id) < 0 || Number(id) >= size) throw new Error(`${path}: place ${id} is outside axis ${axis}, which has ${size}`)
  const inner = cell.shape.slice(axis + 1).reduce((product, d) => product * d, 1)
  const old = target.slice() as Float32Array
  for (let from = 0; from < cell.length; from += size * inner)
    for (let i = 0; i < ids.length; i++)
      (target as Float32Array).set(old.subarray(from + Number(ids[i]) * inner, from + (Number(ids[i]) + 1) * inner), from + i * inner)
}
