import { asked, trained } from '../adaptor.mjs'
import { batches } from '../data.mjs'
import { mlp } from './mlp.mjs'

// W8: the whole process, from its start to the first trained batch of W3.
const [{ x, y }] = batches(1)
const [loss] = await mlp({ threads: asked.threads }).run('train', 64, x, y)
trained(loss)
process.exit(0)
