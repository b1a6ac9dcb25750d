/** The Python that runs the peers (PyTorch and friends installed): THAW_PYTHON, or python3. */
export function peerPython(): string {
  return process.env.THAW_PYTHON ?? 'python3'
}
