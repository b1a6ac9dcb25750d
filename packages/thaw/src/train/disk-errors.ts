// What a person reads when the disk is full or a folder cannot be written to: what happened where, that nothing saved is lost, and how to go on.

const full = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const forbidden = new Set(['EACCES', 'EPERM', 'EROFS'])

/**
 * Runs something that writes to a folder; its disk errors get a message that helps. States and checkpoints are replaced as a whole, so the last
 * complete ones are still there.
 *
 * @throws what was thrown, a disk error with its cause
 */
export async function withDiskErrors<T>(folder: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code && full.has(code))
      throw new Error(`${folder}: the disk is full (${message}); what was saved before is complete: make room and go on with --resume`, { cause })
    if (code && forbidden.has(code))
      throw new Error(`${folder}: cannot be written to (${message}); check its permissions, or name another folder`, { cause })
    throw cause
  }
}
