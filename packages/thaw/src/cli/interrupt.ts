// ^C in a long run: the first one saves and ends the run in order, the second one quits at once. SIGTERM (a container that is stopped, a batch
// system that ends its job) is treated like the first. What is on disk is complete at any moment, so quitting loses only what came after the last save.

export interface Interrupt extends Disposable {
  readonly signal: AbortSignal
  /** From here on there is something to save; before, ^C quits at once. */
  arm(): void
}

const signals = ['SIGINT', 'SIGTERM'] as const

/** Listens for ^C until disposed of. `say` prints a line where the user sees it. */
export function interruptible(say: (line: string) => void): Interrupt {
  const controller = new AbortController()
  let armed = false
  const release = () => {
    for (const name of signals) process.off(name, listener)
  }
  const listener = (name: NodeJS.Signals) => {
    if (!armed || controller.signal.aborted) {
      process.stderr.write('\n')
      release()
      // Without a listener the signal does what it does by default. process.exit would wait for ONNX Runtime's threads, and end in its abort().
      process.kill(process.pid, name)
      return
    }
    process.exitCode = name === 'SIGTERM' ? 143 : 130
    say('stopping after this step, then saving; ^C again quits at once')
    controller.abort()
  }
  for (const name of signals) process.on(name, listener)
  return {
    signal: controller.signal,
    arm() {
      armed = true
    },
    [Symbol.dispose]: release,
  }
}
