// Schemes side by side: costs, accuracy, forgetting, and when tuning pays. Runs are processes, so this needs Node.

export { type Nearness, nearness } from './nearness.js'
export { type PretrainingLossOptions, pretrainingLoss } from './pretraining-loss.js'
export { formatTradeOffs, tradeOffsPage } from './report.js'
export type { Diverged, TradeOffRun } from './run.js'
export { type TradeOffOptions, type TradeOffReport, type TradeOffRow, tradeOffs } from './trade-offs.js'
