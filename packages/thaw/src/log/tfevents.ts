// TensorBoard event files, scalars only: what TensorBoard reads beside the JSONL metrics.
//
// A file is a sequence of TFRecords (tensorflow/core/lib/io/record_writer.h): length uint64, masked CRC-32C of the length, data, masked CRC-32C of
// the data, all little-endian. The data are `Event` messages (tensorflow/core/util/event.proto): 1 wall_time double, 2 step int64, 3 file_version
// string, 5 summary { 1 value { 1 tag string, 2 simple_value float } }. The first event holds the version "brain.Event:2".
import protobuf from 'protobufjs/minimal.js'

/** One event of scalars: `wallTime` in seconds since 1970. */
export function scalarEvent(wallTime: number, step: number, scalars: Readonly<Record<string, number>>): Uint8Array {
  const writer = protobuf.Writer.create().uint32(tag(1, 1)).double(wallTime).uint32(tag(2, 0)).int64(step)
  writer.uint32(tag(5, 2)).fork()
  for (const [name, value] of Object.entries(scalars)) {
    writer.uint32(tag(1, 2)).fork().uint32(tag(1, 2)).string(name).uint32(tag(2, 5)).float(value).ldelim()
  }
  return writer.ldelim().finish()
}

/** The event every file begins with. */
export function versionEvent(wallTime: number): Uint8Array {
  return protobuf.Writer.create().uint32(tag(1, 1)).double(wallTime).uint32(tag(3, 2)).string('brain.Event:2').finish()
}

/** The event that makes TensorBoard drop what older files of the folder say about steps from `step` on: 7 session_log { 1 status START = 1 }. */
export function restartEvent(wallTime: number, step: number): Uint8Array {
  const writer = protobuf.Writer.create().uint32(tag(1, 1)).double(wallTime).uint32(tag(2, 0)).int64(step)
  return writer.uint32(tag(7, 2)).fork().uint32(tag(1, 0)).int32(1).ldelim().finish()
}

/** Frames one message as a TFRecord. */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, BigInt(data.length), true)
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true)
  record.set(data, 12)
  view.setUint32(12 + data.length, maskedCrc32c(data), true)
  return record
}

/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), an unsigned 32-bit number. */
export function crc32c(data: Uint8Array): number {
  let crc = ~0
  for (let i = 0; i < data.length; i++) crc = castagnoli[(crc ^ data[i]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

/** TFRecord's mask: the CRC rotated right by 15 bits plus a constant, so that a CRC of data that hold CRCs stays good. */
export function maskedCrc32c(data: Uint8Array): number {
  const crc = crc32c(data)
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0
}

const tag = (field: number, wireType: number): number => (field << 3) | wireType

const castagnoli = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc
})
