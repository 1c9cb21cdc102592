// Serving alone, one model and no log: node front.mjs PORT MODEL.onnx NAME on|off (batching)
import { readFile } from 'node:fs/promises';
import { sha256, systemKernel } from '@relearn/kernel';
import { grpcServer } from '@relearn/rpc/grpc';
import { addInferenceService, DataPlane, ModelHost } from '@relearn/serving';

const [port, file, name, batching] = process.argv.slice(2);
// Without batching a request is run where it comes in, alone: nothing is gathered, not even those of one turn of the loop.
const clock = { ...systemKernel.clock, breathe: () => Promise.resolve() };
const kernel = batching === 'off' ? { ...systemKernel, clock } : systemKernel;
const host = new ModelHost({ kernel, ...(batching === 'off' ? { maxBatchRows: 1 } : {}) });
const server = grpcServer({ address: `127.0.0.1:${port}`, clock: systemKernel.clock });
addInferenceService(server, new DataPlane(host, systemKernel, 'bench'));
await host.start();
const onnx = await readFile(file);
await host.load(name, 1, onnx, null, { digest: sha256(onnx) });
host.setDefault(name, 1);
await server.start();
