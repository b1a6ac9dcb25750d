export interface Row {
  bench: string
  config: Record<string, unknown>
  metric: string
  unit: string
  ours: number
  peer?: number
  peerName?: string
  ratio?: number
  seeds?: number
  sd?: number
}
