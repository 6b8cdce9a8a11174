import { run } from '../adaptor.mjs'
import { digits } from './digits.mjs'
import { mlpWorkloads } from './mlp.mjs'
import { networkWorkloads } from './networks.mjs'
import { programs } from './programs.mjs'
import { small } from './small.mjs'

await run({ ...digits, ...mlpWorkloads, ...small, ...programs, ...networkWorkloads })
