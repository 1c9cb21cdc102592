// The ceiling without a platform: grpc-js and one `session.run` a request, on one thread. node bare.mjs PORT MODEL.onnx NAME
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Server, ServerCredentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const [port, file, name] = process.argv.slice(2);
const proto = join(fileURLToPath(new URL('../../', import.meta.url)), 'proto');
const definition = loadSync('inference/grpc_service.proto', { includeDirs: [proto] });
const { GRPCInferenceService } = loadPackageDefinition(definition).inference;
const session = await InferenceSession.create(file, {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  extra: { session: { intra_op: { allow_spinning: '0' } } },
});

async function infer({ id, inputs: [input], rawInputContents: [raw] }) {
  const values = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
  const feeds = { [input.name]: new Tensor('float32', values, input.shape.map(Number)) };
  const results = await session.run(feeds);
  const outputs = [];
  const rawOutputContents = [];
  for (const output of session.outputNames) {
    const { data, dims, type } = results[output];
    outputs.push({ name: output, datatype: type === 'int64' ? 'INT64' : 'FP32', shape: dims });
    rawOutputContents.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  }
  return { modelName: name, modelVersion: '1', id, outputs, rawOutputContents };
}

const server = new Server();
server.addService(GRPCInferenceService.service, {
  ModelInfer: (call, answer) => void infer(call.request).then((response) => answer(null, response), answer),
  ModelReady: (_call, answer) => answer(null, { ready: true }),
});
server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (failure) => {
  if (failure !== null) throw failure;
});
