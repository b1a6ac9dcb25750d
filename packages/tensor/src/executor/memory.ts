// Flat memory for stores: one WebAssembly.Memory, so that ONNX Runtime reads and writes views of it while the update kernels work in place.
// It never grows (growing detaches every view): size it before filling it. It is not shared: onnxruntime rejects a SharedArrayBuffer.

const page = 65_536
const alignment = 64 // a cache line

export interface StoreMemory {
  readonly memory: WebAssembly.Memory
  readonly bytes: number
  /** Bytes allocated now, with alignment. */
  readonly used: number
  /** Reserves bytes (contents undefined) and returns their offset: a multiple of 64, never 0. */
  allocate(bytes: number): number
  /** The same, filled with zeros. Memory that was never allocated has them already, and its pages cost nothing until they are written. */
  allocateZeros(bytes: number): number
  /** Gives an allocation back; its neighbours merge. Views of it must no longer be used. */
  release(pointer: number): void
  /** Gives every allocation back. */
  releaseAll(): void
  float32(offset: number, length: number): Float32Array<ArrayBuffer>
  int32(offset: number, length: number): Int32Array<ArrayBuffer>
  uint16(offset: number, length: number): Uint16Array<ArrayBuffer>
  uint8(offset: number, length: number): Uint8Array<ArrayBuffer>
}

/**
 * Creates a memory with room for `bytes` (allocations are rounded up to 64 bytes each; `roundUp` gives the size of one).
 * Errors: more than 4 GB less one cache line, or more than the machine gives.
 *
 * ```ts
 * const memory = createMemory(1024)
 * const x = memory.allocate(3 * 4)      // 64
 * memory.float32(x, 3).set([1, 2, 3])
 * ```
 */
export function createMemory(bytes: number): StoreMemory {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw new RangeError(`createMemory: bytes must be a whole number from 0, got ${bytes}`)
  const pages = Math.max(1, Math.ceil((roundUp(bytes) + alignment) / page))
  if (pages > 65_536) {
    throw new RangeError(
      `createMemory: ${bytes} bytes do not fit one memory (at most ${65_536 * page - alignment}): put part of the tensors into a second memory`,
    )
  }
  const memory = reserve(pages, bytes)
  const buffer = memory.buffer as ArrayBuffer
  const end = pages * page
  const sizes = new Map<number, number>() // live allocations
  let free = [{ start: alignment, size: end - alignment }] // by start, never adjacent
  let used = 0
  let fresh = alignment // from here on nothing was ever allocated
  return {
    memory,
    bytes: end - alignment,
    get used() {
      return used
    },
    allocate(wanted) {
      if (!Number.isSafeInteger(wanted) || wanted < 0) throw new RangeError(`allocate: bytes must be a whole number from 0, got ${wanted}`)
      const size = Math.max(alignment, roundUp(wanted))
      const index = free.findIndex((block) => block.size >= size)
      const block = free[index]
      if (block === undefined) {
        const largest = Math.max(0, ...free.map((block) => block.size))
        throw new RangeError(
          `allocate: no room for ${wanted} bytes: ${used} of ${end - alignment} are in use and the largest free block has ${largest}; create the memory larger before it is filled`,
        )
      }
      const { start } = block
      if (block.size === size) free.splice(index, 1)
      else free[index] = { start: start + size, size: block.size - size }
      sizes.set(start, size)
      used += size
      fresh = Math.max(fresh, start + size)
      return start
    },
    allocateZeros(wanted) {
      const before = fresh
      const start = this.allocate(wanted)
      new Uint8Array(buffer, start, Math.max(0, Math.min(wanted, before - start))).fill(0)
      return start
    },
    release(pointer) {
      const size = sizes.get(pointer)
      if (size === undefined) throw new RangeError(`release: nothing is allocated at ${pointer}`)
      sizes.delete(pointer)
      used -= size
      const after = free.findIndex((block) => block.start > pointer)
      free.splice(after < 0 ? free.length : after, 0, { start: pointer, size })
      free = merged(free)
    },
    releaseAll() {
      sizes.clear()
      used = 0
      free = [{ start: alignment, size: end - alignment }]
    },
    float32: (offset, length) => new Float32Array(buffer, offset, length),
    int32: (offset, length) => new Int32Array(buffer, offset, length),
    uint16: (offset, length) => new Uint16Array(buffer, offset, length),
    uint8: (offset, length) => new Uint8Array(buffer, offset, length),
  }
}

/** What an allocation of `bytes` takes: the next multiple of 64. */
export function roundUp(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment
}

function reserve(pages: number, bytes: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages })
  } catch (cause) {
    throw new RangeError(`createMemory: the machine does not give ${bytes} bytes; use a smaller model or batch, or free memory`, { cause })
  }
}

function merged(blocks: { start: number; size: number }[]): { start: number; size: number }[] {
  const result: { start: number; size: number }[] = []
  for (const block of blocks) {
    const last = result.at(-1)
    if (last !== undefined && last.start + last.size === block.start) last.size += block.size
    else result.push({ ...block })
  }
  return result
}
