import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import pico from 'picocolors'
import { activationList } from './activationList.ts'
import type { CompareCommand } from './compare.ts'
import type { ConvertOptions } from './convert.ts'
import type { ExplainOptions } from './explain.ts'
import type { ExportOptions } from './export.ts'
import type { InspectOptions } from './inspect.ts'
import type { Io } from './io.ts'
import type { TrainOptions } from './train.ts'

/** Networks that `train` knows, each with a line of help. */
const networks: Readonly<Record<string, string>> = {
  digits: 'reads handwritten digits: 28×28 images, three convolutions, 345,338 parameters',
}

/** What `export` writes. */
const forms = ['onnx', 'keras', 'tfjs', 'safetensors', 'js', 'html']

/** What `compare` compares unless it is told. */
const compared = ['relu', 'leakyRelu', 'tanh', 'sigmoid', 'x * sigmoid(x)']

/**
 * Run the command.
 *
 * @returns the exit code: 0 fine, 1 bad input, 2 bad usage, 130 stopped by Ctrl-C
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let code = 0
  try {
    await program(io, result => (code = result)).parseAsync(argv as string[], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    await explain(error, io)
    return 1
  }
}

function program(io: Io, done: (code: number) => void): Command {
  const nabla = configure(new Command('nabla'), io)
    .description('Neural networks from first principles.')
    .usage('<command> [options]')
    .version(version, '--version', 'print the version')
    .helpCommand(false)
    .addHelpText('after', examples)

  configure(nabla.command('train'), io)
    .description('train a network into a run folder, with a report')
    .argument('<network>', Object.keys(networks).join(', '), network)
    .option('--epochs <n>', 'times to go through the images', whole(1, 1e6), 5)
    .option('--batch <n>', 'images a step', whole(1, 1e5), 64)
    .option('--seed <n>', 'start of all random numbers', whole(0, 2 ** 32 - 1), 1)
    .option(
      '--data <name>',
      'mnist, a folder of idx files or of PNGs a digit, or a table: CSV, JSON lines, npz',
      'mnist',
    )
    .addOption(
      new Option(
        '--split <kind>',
        'mnist: 60,000 to train on and 10,000 to test; texts: 35,028 and 6,972 of the first 42,000',
      )
        .choices(['mnist', 'texts'])
        .default('mnist'),
    )
    .option('--limit <n>', 'train on the first n images only', whole(1, 1e9))
    .option('--out <dir>', 'run folder (default: runs/<network>-<date>-<time>)')
    .option('--no-augment', 'show the images as they are, not a little moved, turned and scaled')
    .option('--final-rate <share>', 'what is left of the learning rate at the end; the texts have 1', share, 0.03)
    .option('--resume', 'go on with the run in --out, or with the newest')
    .option('--threads <n>', 'processor cores to use (default: all; the numbers are the same bits)', whole(1, 256))
    .option('--quiet', 'print the result only')
    .option('--json', 'print events as JSON lines')
    .action(async (name: string, options: Omit<TrainOptions, 'network'>, command: Command) => {
      const given = new Set(Object.keys(options).filter(key => command.getOptionValueSource(key) === 'cli'))
      const { train } = await import('./train.ts')
      done(await train({ ...options, network: name }, given, io))
    })

  configure(nabla.command('evaluate'), io)
    .description('measure a model on labelled digits')
    .argument('<run>', 'run folder, model folder or model file')
    .option('--data <name>', 'as train takes it, with labels (default: what the run held out)')
    .action(async (path: string, { data }: { data?: string }) => {
      const { evaluate } = await import('./evaluate.ts')
      done(await evaluate(path, data, io))
    })

  configure(nabla.command('predict'), io)
    .description('read the digit of a PNG, or every digit of a CSV file')
    .argument('<run>', 'run folder, model folder or model file')
    .argument('<input>', 'PNG of any size, or CSV with the columns pixel0…pixel783')
    .option('-o, --output <file>', 'write the answers for a CSV file here, as ImageId,Label')
    .option('--raw', 'take a 28×28 PNG as it is: white ink on black')
    .action(async (path: string, input: string, options: { output?: string; raw?: boolean }) => {
      const { predict } = await import('./predict.ts')
      done(await predict(path, input, options, io))
    })

  configure(nabla.command('summary'), io)
    .description('print the layers and parameters of a model')
    .argument('<run>', 'run folder, model folder, model file, or digits')
    .action(async (what: string) => {
      const { summary } = await import('./summary.ts')
      done(await summary(what, io))
    })

  configure(nabla.command('compare'), io)
    .description('train one network with several activation functions and say which to choose')
    .option(
      '--data <name>',
      'spiral, planar, digits, or a table with a column of classes: CSV, JSON lines, npz; what is missing is filled',
      'spiral',
    )
    .addOption(
      new Option('--activations <list>', 'names, or formulas of x, with commas between')
        .argParser(activationList)
        .default(compared, compared.join(', ')),
    )
    .option('--seeds <n>', 'trainings with each', whole(1, 1000), 5)
    .option('--epochs <n>', 'times to go through the samples (default: what suits the data)', whole(1, 1e6))
    .option('--label <column>', 'the column of a CSV file that holds the classes', 'label')
    .option('--limit <n>', 'use the first n samples only', whole(1, 1e9))
    .option('--out <dir>', 'folder (default: runs/compare-<date>-<time>)')
    .option(
      '--resume',
      'go on with the comparison in --out, or with the newest; more seeds or activations may be added',
    )
    .option('--threads <n>', 'processor cores to use', whole(1, 256))
    .option('--quiet', 'print the result only')
    .option('--json', 'print outcomes as JSON lines')
    .action(async (options: CompareCommand, command: Command) => {
      const given = new Set(Object.keys(options).filter(key => command.getOptionValueSource(key) === 'cli'))
      const { compare } = await import('./compare.ts')
      done(await compare(options, given, io))
    })

  configure(nabla.command('explain'), io)
    .description('print a step of a model in textbook notation')
    .argument('<run>', 'run folder, model folder, model file, or digits')
    .option('--kernels', 'print the compiled kernels with their times, beside what one core can do')
    .addOption(new Option('--mode <mode>', 'which step').choices(['train', 'evaluate', 'predict']).default('train'))
    .option('--batch <n>', 'samples a step', whole(1, 1e5), 64)
    .action(async (what: string, options: ExplainOptions) => {
      const { explain } = await import('./explain.ts')
      done(await explain(what, options, io))
    })

  configure(nabla.command('inspect'), io)
    .description('print what files hold: models, weights, arrays, tables, pictures, loadable or not')
    .argument('<files...>', 'files of any known format, run folders or model folders')
    .option('--json', 'print one JSON object a file')
    .option('--all', 'print all rows of long tables')
    .addHelpText('after', inspectExamples)
    .action(async (files: string[], options: InspectOptions) => {
      const { inspect } = await import('./inspect.ts')
      done(await inspect(files, options, io))
    })

  configure(nabla.command('convert'), io)
    .description('turn a model or arrays into another format, by the suffixes')
    .argument('<in>', 'model of any format that can be loaded, or a file of arrays')
    .argument('<out>', '.keras .h5 .weights.h5 .onnx .safetensors .npz .npy .csv .js .html, model.json, or a folder')
    .option('--force', 'write over what is there')
    .option('--batch <n>', 'samples that a .js computes together', whole(1, 4096), 1)
    .addHelpText('after', convertExamples)
    .action(async (from: string, to: string, options: ConvertOptions) => {
      const { convert } = await import('./convert.ts')
      done(await convert(from, to, options, io))
    })

  configure(nabla.command('export'), io)
    .description('write a model for use elsewhere; js and html need nothing else to run')
    .argument('<model>', 'run folder, model folder, or a model of any format that can be loaded')
    .addOption(new Option('--to <form>', 'what to write').choices(forms).makeOptionMandatory())
    .option('-o, --output <path>', 'where to write it (default: here, by the name of the model)')
    .option('--force', 'write over what is there')
    .option('--batch <n>', 'samples that the js computes together', whole(1, 4096), 1)
    .addHelpText('after', exportExamples)
    .action(async (model: string, options: ExportOptions) => {
      const { exportModel } = await import('./export.ts')
      done(await exportModel(model, options, io))
    })

  return nabla
}

const configure = (command: Command, io: Io) =>
  command
    .exitOverride()
    .configureOutput({
      writeOut: io.out,
      writeErr: io.err,
      getErrHasColors: () => io.colors,
      getOutHasColors: () => io.colors,
    })
    .configureHelp({ showGlobalOptions: false })
    .showHelpAfterError(
      `  hint: ${command.name() === 'nabla' ? 'nabla' : `nabla ${command.name()}`} --help lists what can be asked for`,
    )

function network(name: string): string {
  if (Object.hasOwn(networks, name)) return name
  const known = Object.entries(networks).map(([known, about]) => `\n  ${known}  ${about}`)
  throw new InvalidArgumentError(`Known networks:${known.join('')}`)
}

function share(text: string): number {
  const value = Number(text)
  if (/^[\d.]{1,15}$/.test(text) && value > 0 && value <= 1) return value
  throw new InvalidArgumentError('Expected a number above 0 and at most 1.')
}

/** A parser of whole numbers within bounds. */
export const whole = (least: number, most: number) => (text: string) => {
  const value = Number(text)
  if (/^\d{1,15}$/.test(text) && value >= least && value <= most) return value
  throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
}

async function explain(error: unknown, io: Io): Promise<void> {
  const { NablaError } = await import('nabla')
  const paint = pico.createColors(io.colors)
  const known = error instanceof NablaError
  const message = error instanceof Error ? error.message : String(error)
  io.err(`${paint.red('error:')} ${message}\n`)
  if (!known) io.err('  hint: set DEBUG=nabla to see where this came from\n')
  if (process.env['DEBUG'] === 'nabla' && error instanceof Error) io.err(`${error.stack}\n`)
}

const version = '0.1.0'

const examples = `
Examples:
  nabla train digits
  nabla train digits --epochs 30 --split texts
  nabla evaluate runs/digits-20261121-224530
  nabla predict runs/digits-20261121-224530 four.png
  nabla predict runs/digits-20261121-224530 test.csv -o submission.csv
  nabla export runs/digits-20261121-224530 --to html -o digits.html`

const inspectExamples = `
Examples:
  nabla inspect model.onnx
  nabla inspect digits.keras weights.npz train.csv
  nabla inspect runs/digits-20261121-224530 --json`

const convertExamples = `
Examples:
  nabla convert digits.h5 digits.keras
  nabla convert digits.keras web/model.json      TensorFlow.js
  nabla convert digits.keras digits              a model folder
  nabla convert weights.h5 weights.npz           arrays alone
  nabla convert table.csv table.npy`

const exportExamples = `
Examples:
  nabla export runs/digits-20261121-224530 --to onnx -o digits.onnx
  nabla export digits.keras --to js              digits.js and digits.d.ts
  nabla export digits.keras --to html            digits.html, with a pad to draw on`
