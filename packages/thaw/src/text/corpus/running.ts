// Whether a process still runs: files that name the process that writes them can be cleared away once it is gone.

/** Whether a process of this machine has the number. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' // somebody else's
  }
}
