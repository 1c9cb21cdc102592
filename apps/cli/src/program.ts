import { Command, type CommanderError } from 'commander';
import { finish, type Outcome, type Run } from './command.js';
import { backtest } from './commands/backtest.js';
import { check } from './commands/check.js';
import { exportModel, type ExportOptions } from './commands/exporting.js';
import { init, type InitOptions } from './commands/init.js';
import { listLetters, replayLetters, showLetter } from './commands/letters.js';
import { plan, type PlanOptions } from './commands/plan.js';
import { rebuild } from './commands/rebuild.js';
import { audit, events, type EventsOptions, models, status } from './commands/reading.js';
import { registerModel, type RegisterOptions } from './commands/registering.js';
import { serve, start, type StartOptions, up } from './commands/serving.js';
import { apply, ingest, pinning, promote, replay, retrain, rollback } from './commands/writing.js';
import { exitCodes } from './exit.js';
import type { Terminal } from './terminal.js';

interface Making {
  readonly program: Command;
  readonly terminal: Terminal;
  readonly outcome: Outcome;
}

/** The command line with all its commands; `outcome` is set by the command that runs. */
export function buildProgram(terminal: Terminal, outcome: Outcome, version: string): Command {
  const program = new Command('relearn')
    .description('Models that keep themselves good.')
    .version(version)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({
      writeOut: (text) => void terminal.out.write(text),
      writeErr: (text) => void terminal.err.write(text),
    })
    .addHelpText('after', environmentHelp);
  const making = { program, terminal, outcome };
  addServing(making);
  addFiles(making);
  addReading(making);
  addLetters(making);
  addWriting(making);
  return program;
}

const environmentHelp = `
Environment:
  RELEARN_URL    where a running platform listens (http://127.0.0.1:8080)
  RELEARN_DATA   the data folder (./data)
  RELEARN_BUS    embedded:./data, kafka://HOST:9092,... or nats://HOST:4222,...
  RELEARN_STORE  sqlite:./data or mongodb://HOST/DATABASE
  RELEARN_BLOBS  file:./data, gridfs or s3://BUCKET/PREFIX
  RELEARN_ADDRESSES   where other processes' services listen: feature=HOST:8001/8080,...
  RELEARN_HTTP, RELEARN_GRPC   where \`up\` listens (127.0.0.1:8080, 127.0.0.1:8001)
  RELEARN_LOG    trace, debug, info, warn, error, silent
  RELEARN_DEBUG  1: errors come with their stack

Exit codes: 0 done, 1 failed, 2 bad usage or bad input.`;

function add<Options extends object>(
  making: Making,
  usage: string,
  description: string,
  example: string,
  run: Run<Options>,
  parent = making.program,
): Command {
  const command = parent.command(usage).description(description);
  return finish(command, making.terminal, making.outcome, example, run);
}

const turnShareHelp = 'share of the speed at which business time goes on while a turn runs';
const speedHelp = 'business time in multiples of machine time (default: a year in five minutes)';

function addServing(making: Making): void {
  add(making, 'up', 'run all services in this process', 'relearn up', up);
  add(
    making,
    'serve <names...>',
    'run some services in this process, or `all`',
    'relearn serve serving monitoring',
    serve,
  );
  add<StartOptions>(
    making,
    'start',
    'run all services and replay the bundled example',
    'relearn start --speed 50000',
    start,
  )
    .option('--file <file>', 'replay the data of another pipeline file')
    .option('--speed <n>', speedHelp)
    .option('--turn-share <share>', turnShareHelp, '0.1');
}

function addFiles(making: Making): void {
  add<InitOptions>(
    making,
    'init <data>',
    'write a pipeline file for a table (CSV, JSON Lines, Parquet)',
    'relearn init bikes.csv --name bikes --time datetime --label count --task regression',
    init,
  )
    .requiredOption('--name <name>', 'name of the pipeline')
    .requiredOption('--time <column>', 'the event time: when a row is to be predicted')
    .requiredOption('--label <column>', 'what is to be predicted')
    .option('--id <columns>', 'columns that name a row, with commas between them')
    .option('--known-at <column>', 'when the label became known')
    .option('--label-delay <duration>', 'how long after its row a label is known, such as 1d')
    .option('--task <task>', 'binary, multiclass or regression (default: what the label suggests)')
    .option('--out <file>', 'file to write (default: NAME.yaml)')
    .option('--force', 'write over a file that is there');
  add(
    making,
    'check <file>',
    'name every error of a pipeline file by line and column',
    'relearn check bikes.yaml',
    check,
  );
  add<{ data?: string[]; window: string }>(
    making,
    'backtest <file>',
    'what would this pipeline have done on this history?',
    'relearn backtest bikes.yaml --window 1w > report.json',
    backtest,
  )
    .option(
      '--data <[stream=]file>',
      'data file in place of those that the pipeline file names; may be repeated',
      (file: string, all: string[] | undefined) => [...(all ?? []), file],
    )
    .option('--window <size>', 'groups the report: 1mo, 1w, 1d, 5000rows', '1mo');
  add<PlanOptions>(
    making,
    'plan <file>',
    'measure an ONNX file on this machine: how many instances does a rate of requests need?',
    'relearn plan model.onnx --rate 2000 --p99 20',
    plan,
  )
    .option('--rate <requests>', 'requests of one row a second')
    .option('--p99 <ms>', 'latency that 99 of 100 requests are to keep, in milliseconds')
    .option('--seconds <s>', 'length of one measurement', '3');
}

function addReading(making: Making): void {
  add(making, 'status', 'pipelines, what serves them, what runs', 'relearn status', status);
  const listed = add(
    making,
    'models [name]',
    'model versions with verdicts and figures',
    'relearn models flights',
    models,
  );
  add<RegisterOptions>(
    making,
    'register <name> <file>',
    'serve an ONNX file under a name that no pipeline owns; registered again it is the next version',
    'relearn models register digits digits.onnx --alias champion',
    registerModel,
    listed,
  ).option('--alias <alias>', 'champion: it answers requests that name no version');
  add<ExportOptions>(
    making,
    'export <name> <version>',
    'write the files of a model version, and its signature, into a folder',
    'relearn models export flights 4 --out flights-4',
    exportModel,
    listed,
  ).option('--out <folder>', 'a new folder (default: NAME-VERSION)');
  add<EventsOptions>(
    making,
    'events',
    'events of the log, a line each',
    'relearn events --pipeline flights --limit 20',
    events,
  )
    .option('--topic <topic>', 'control, monitoring, data.raw, ... (default: control)')
    .option('--pipeline <name>', 'only events of this pipeline')
    .option('--from <place>', "the `next` of an earlier answer's JSON")
    .option('--limit <n>', 'how many at most (default: 100)');
  add(
    making,
    'audit',
    'fold the whole log and check the invariants; exit code 1 when one is broken',
    'relearn audit',
    audit,
  );
  add<{ verify?: boolean }>(
    making,
    'rebuild',
    'make all documents anew from log and blobs; nothing may run',
    'relearn rebuild --verify',
    rebuild,
  ).option('--verify', 'change nothing: say whether it would give what is stored; exit code 1 when not');
}

function addLetters(making: Making): void {
  const letters = making.program.command('dead-letters').description('records that no consumer could take');
  add<{ pipeline?: string; limit?: string }>(
    making,
    'list',
    'list them, the newest first',
    'relearn dead-letters list --pipeline flights',
    listLetters,
    letters,
  )
    .option('--pipeline <name>', 'only those of this pipeline')
    .option('--limit <n>', 'how many at most (default: 100)');
  add(
    making,
    'show <id>',
    'show one with its headers and bytes',
    'relearn dead-letters show validation/data.raw/0/dead-letters@12',
    showLetter,
    letters,
  );
  add<{ all?: boolean; pipeline?: string }>(
    making,
    'replay [ids...]',
    'send them back to their consumers, in their order; each goes back once',
    'relearn dead-letters replay --pipeline flights',
    replayLetters,
    letters,
  )
    .option('--all', 'all that have not been sent back')
    .option('--pipeline <name>', 'those of this pipeline');
}

function addWriting(making: Making): void {
  add(making, 'apply <file>', 'put a pipeline file in force', 'relearn apply bikes.yaml', apply);
  add<{ stream?: string }>(
    making,
    'ingest <pipeline> <file>',
    'write a data file to a pipeline; written twice it is taken once',
    'relearn ingest bikes july.csv',
    ingest,
  ).option('--stream <name>', 'a context stream in place of the rows');
  add<{ speed?: string; wait: boolean }>(
    making,
    'replay <file>',
    'apply a pipeline file and replay its data',
    'relearn replay bikes.yaml --speed 10000',
    replay,
  )
    .option('--speed <n>', speedHelp)
    .option('--no-wait', 'do not wait until it is done');
  add(
    making,
    'promote <pipeline> <model>',
    'make a model version the champion, if its gate record allows it',
    'relearn promote flights 4',
    promote,
  );
  add<{ reason: string }>(
    making,
    'rollback <pipeline> [model]',
    'back to a former champion; without a model to what answered before: ends a rollout, else the champion before',
    'relearn rollback flights --reason "complaints from the desk"',
    rollback,
  ).option('--reason <text>', 'why; it is kept in the log', 'by hand');
  add<{ reason: string }>(
    making,
    'pin <pipeline>',
    'keep the champion: turns register models, nothing moves it until `unpin`; ends a rollout',
    'relearn pin flights --reason "no change over the holidays"',
    pinning('pin'),
  ).option('--reason <text>', 'why; it is kept in the log', 'by hand');
  add<{ reason: string }>(
    making,
    'unpin <pipeline>',
    'let the champion change again',
    'relearn unpin flights',
    pinning('unpin'),
  ).option('--reason <text>', 'why; it is kept in the log', 'by hand');
  add(making, 'retrain <pipeline>', 'ask for a turn; one that runs is superseded', 'relearn retrain flights', retrain);
}

/** The exit code of what commander throws: help and version are done, everything else is bad usage. */
export function exitCodeOfUsage(error: CommanderError): number {
  const told = ['commander.helpDisplayed', 'commander.version'].includes(error.code);
  return told ? exitCodes.done : exitCodes.usage;
}
