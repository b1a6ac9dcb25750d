// Entry of `npm run bench` (scripts/bench.mjs imports this): see cli.ts and bench/README.md.
import { main } from './cli.js'

process.exitCode = await main(process.argv.slice(2))
