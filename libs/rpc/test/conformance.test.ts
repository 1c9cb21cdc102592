import { systemClock } from '@relearn/kernel';
import { rpcConformance } from '../src/conformance/index.js';
import { GrpcChannel, grpcServer } from '../src/grpc/index.js';
import { InProcessRpc } from '../src/in-process/index.js';

rpcConformance('in process', async () => {
  const rpc = new InProcessRpc(systemClock);
  return { server: rpc, connect: async () => rpc, stop: async () => undefined };
});

for (const front of ['http2', 'grpc-js'] as const) {
  rpcConformance(`gRPC by ${front}`, async () => {
    const server = grpcServer({ address: '127.0.0.1:0', clock: systemClock, drainMs: 100 }, front);
    return {
      server,
      connect: async () => {
        await server.start();
        return new GrpcChannel({ address: `127.0.0.1:${server.port}`, clock: systemClock });
      },
      stop: () => server.stop(),
    };
  });
}
