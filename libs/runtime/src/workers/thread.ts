import { constants, getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { RelearnError } from '@relearn/kernel';
import { type FromThread, type JobContext, type JobModule, plainError, type ToThread } from './protocol.js';
import { transferable } from './transfer.js';

/** The body of a worker thread: runs one job at a time until it is told to end. */
function serve(): void {
  const port = parentPort;
  if (port === null) throw new RelearnError('INTERNAL', 'thread.js runs in worker threads only');
  yieldToRequests();
  const send = (message: FromThread, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);
  port.on('message', (message: ToThread) => {
    if (message.type === 'end') return port.close();
    const cancel = new Int32Array(message.cancel);
    const context: JobContext = {
      progress: (value) => send({ type: 'progress', value }),
      cancelled: () => Atomics.load(cancel, 0) !== 0,
    };
    execute(message.module, message.input, context)
      .then((result) => send({ type: 'done', result }, transferable(result)))
      .catch((thrown: unknown) => send({ type: 'failed', error: plainError(thrown) }));
  });
}

/** What is asked for and streams go before jobs. A priority is a thread's own on Linux alone; elsewhere it is the process's. */
function yieldToRequests(): void {
  const wanted = constants.priority.PRIORITY_BELOW_NORMAL;
  if (process.platform !== 'linux' || getPriority() >= wanted) return;
  try {
    setPriority(wanted);
  } catch {
    // Where a sandbox forbids it, jobs run beside requests as their equals: slower, and right.
  }
}

async function execute(url: string, input: unknown, context: JobContext): Promise<unknown> {
  const loaded: unknown = await import(url);
  if (!isJobModule(loaded)) throw new RelearnError('INTERNAL', `${url} exports no function run`);
  return loaded.run(input, context);
}

function isJobModule(loaded: unknown): loaded is JobModule {
  return typeof loaded === 'object' && loaded !== null && 'run' in loaded && typeof loaded.run === 'function';
}

serve();
