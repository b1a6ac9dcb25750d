// `npm run bench -- <name> [--quick] [--json] [--save]`: see bench/README.md.
import '../bench/dist/index.js'
