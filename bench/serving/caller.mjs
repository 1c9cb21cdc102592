// A caller of gRPC with less to it than grpc-js, so that what it takes disturbs what is measured less.
import { once } from 'node:events';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadSync } from '@grpc/proto-loader';

const proto = join(fileURLToPath(new URL('../../', import.meta.url)), 'proto');
const load = (file) => loadSync(file, { includeDirs: [proto], defaults: true });
const inference = load('inference/grpc_service.proto')['inference.GRPCInferenceService'];
const health = load('grpc/health/v1/health.proto')['grpc.health.v1.Health'];
const registry = load('relearn/v1/registry.proto')['relearn.v1.Registry'];

/** The methods that the behaviours call. */
export const methods = {
  infer: inference.ModelInfer,
  modelReady: inference.ModelReady,
  check: health.Check,
  registerModel: registry.RegisterModel,
};

/** A request of one input named `x`. */
export function inferRequest(model, shape, values) {
  const raw = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return framed(
    methods.infer.requestSerialize({
      modelName: model,
      inputs: [{ name: 'x', datatype: 'FP32', shape }],
      rawInputContents: [raw],
    }),
  );
}

export function framed(message) {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, 5);
  return frame;
}

/** MiB. With node's 10 a connection breaks under thousands of calls that wait. */
const maxSessionMemory = 1_024;

/** A connection, as soon as somebody listens. */
async function connected(address) {
  for (let tries = 0; ; tries++) {
    const session = connect(`http://${address}`, { maxSessionMemory });
    try {
      await once(session, 'connect');
      return session;
    } catch (thrown) {
      if (tries === 1_200) throw thrown;
      await sleep(50);
    }
  }
}

/** One connection. */
export async function callerAt(address) {
  const session = await connected(address);
  // What breaks with it, the calls tell.
  session.on('error', () => undefined);
  return {
    /** Resolves with the gRPC status, the answer's bytes and the time it took, ms; never rejects. */
    call(method, frame, { timeoutMs } = {}) {
      const began = performance.now();
      return new Promise((resolve) => {
        if (session.closed || session.destroyed) return resolve({ status: 14, message: 'no connection', ms: 0 });
        const stream = session.request({
          ':method': 'POST',
          ':path': method.path,
          'content-type': 'application/grpc',
          te: 'trailers',
          ...(timeoutMs === undefined ? {} : { 'grpc-timeout': `${timeoutMs}m` }),
        });
        const chunks = [];
        let told = {};
        stream.on('response', (headers) => (told = headers));
        stream.on('trailers', (trailers) => (told = trailers));
        stream.on('data', (chunk) => chunks.push(chunk));
        stream.on('error', () => undefined);
        stream.on('close', () => {
          const status = told['grpc-status'] === undefined ? 14 : Number(told['grpc-status']);
          const message = decodeURI(told['grpc-message'] ?? '');
          resolve({ status, message, bytes: Buffer.concat(chunks), ms: performance.now() - began });
        });
        stream.end(frame);
      });
    },
    close: () => session.close(),
  };
}

/** Asks until the model answers. */
export async function untilReady(caller, name) {
  const ask = framed(methods.modelReady.requestSerialize({ name }));
  for (;;) {
    const { status, bytes } = await caller.call(methods.modelReady, ask);
    if (status === 0 && methods.modelReady.responseDeserialize(bytes.subarray(5)).ready) return;
    await sleep(20);
  }
}
