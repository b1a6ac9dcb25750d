// ^C in a long run: the first one saves and ends the run in order, the second one quits at once. SIGTERM (a container that is stopped, a batch
// system that ends its job) is treated like the first. What is on disk is complete at any moment, so quitting loses only what came after the last save.

export interface Interrupt extends Disposable {
  readonly signal: AbortSignal
  /** From here on there is something to save; before, ^C quits at once. */
  arm(): void
}

/** Listens for ^C until disposed of. `say` prints a line where the user sees it. */
export function interruptible(say: (line: string) => void): Interrupt {
  const controller = new AbortController()
  let armed = false
  const listener = (name: NodeJS.Signals) => {
    const code = name === 'SIGTERM' ? 143 : 130
    if (!armed || controller.signal.aborted) quit(code)
    process.exitCode = code
    say('stopping after this step, then saving; ^C again quits at once')
    controller.abort()
  }
  process.on('SIGINT', listener)
  process.on('SIGTERM', listener)
  return {
    signal: controller.signal,
    arm() {
      armed = true
    },
    [Symbol.dispose]() {
      process.off('SIGINT', listener)
      process.off('SIGTERM', listener)
    },
  }
}

function quit(code: number): never {
  process.stderr.write('\n')
  process.exit(code)
}
