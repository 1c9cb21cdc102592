import { parentPort } from 'node:worker_threads';
import { isLargeBuffer, systemClock } from '@relearn/kernel';
import { asRows } from '../tensors.js';
import { digestsOf } from '../values.js';
import { OnnxSession } from './onnx-session.js';
import { type FromWorker, type PackedTensors, type ToWorker, unpack } from './protocol.js';

// The thread in which sessions live. It answers each message with one, in order; whatever is not a message of the
// protocol ends it, and its owner starts another.

const port = parentPort;
if (port === null) throw new Error('this module runs as a worker thread');
type ToRun = Extract<ToWorker, { kind: 'run' }>;

const sessions = new Map<number, OnnxSession>();

let turn = Promise.resolve();
port.on('message', (message: ToWorker) => {
  turn = turn.then(() => answer(message));
});

async function answer(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'load':
      return reply(await attempt(() => load(message.session, message.onnx)));
    case 'run':
      return reply(await attempt(() => run(message)));
    case 'release':
      return reply(await attempt(() => release(message.session)));
    case 'stop':
      for (const session of [...sessions.keys()]) await release(session);
      return port?.close();
    default:
      throw new Error(`not a message of the protocol: ${JSON.stringify(message)}`);
  }
}

function reply(message: FromWorker): void {
  port?.postMessage(message, message.kind === 'ran' ? buffersOf(message) : []);
}

function buffersOf({ outputs, inputs }: { outputs: PackedTensors; inputs: ArrayBuffer | undefined }): ArrayBuffer[] {
  return inputs === undefined ? [outputs.buffer] : [outputs.buffer, inputs];
}

async function attempt(work: () => Promise<FromWorker>): Promise<FromWorker> {
  try {
    return await work();
  } catch (thrown) {
    return { kind: 'failed', reason: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

async function load(id: number, onnx: Uint8Array): Promise<FromWorker> {
  let session = sessions.get(id);
  if (session === undefined) {
    session = await OnnxSession.open(onnx);
    sessions.set(id, session);
  }
  return { kind: 'loaded', signature: session.signature };
}

async function run({ session: id, inputs, rows, outputs, digested }: ToRun): Promise<FromWorker> {
  const session = sessions.get(id);
  if (session === undefined) throw new Error(`session ${id} is not loaded`);
  const ran = await session.run(inputs, outputs);
  const began = systemClock.now();
  const digests = digested.length === 0 ? undefined : digestsIn(session, inputs, rows, digested);
  const outputMs = ran.outputMs + systemClock.now() - began;
  return {
    kind: 'ran',
    ...ran,
    outputMs,
    digests,
    inputs: isLargeBuffer(inputs.buffer.byteLength) ? inputs.buffer : undefined,
  };
}

function digestsIn({ signature }: OnnxSession, inputs: PackedTensors, rows: number, digested: readonly number[]) {
  const tensors = unpack(inputs);
  return signature.inputs.map(({ datatype }, index) => {
    const tensor = digested.includes(index) ? tensors[index] : undefined;
    return tensor && digestsOf(datatype, asRows(tensor, rows));
  });
}

async function release(id: number): Promise<FromWorker> {
  const session = sessions.get(id);
  sessions.delete(id);
  await session?.release();
  return { kind: 'released' };
}
