import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Client as RawClient, credentials } from '@grpc/grpc-js';
import { systemClock } from '@relearn/kernel';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type AnsweredCall, GrpcChannel, type GrpcFront, grpcServer, healthService } from '../src/grpc/index.js';
import { type BidiStreaming, serviceOf, type Unary } from '../src/index.js';

interface Live {
  serverLive: Unary<object, { live: boolean }>;
}

const inference = serviceOf<Live>('inference/grpc_service.proto', 'inference.GRPCInferenceService');
const ending: (() => Promise<void>)[] = [];

let front: GrpcFront = 'http2';

async function started(serverLive: Live['serverLive'], drainMs = 5_000, maxReceiveBytes = 4096) {
  const server = grpcServer({ address: '127.0.0.1:0', clock: systemClock, drainMs, maxReceiveBytes }, front);
  server.add(inference, { serverLive });
  await server.start();
  const address = `127.0.0.1:${server.port}`;
  const channel = new GrpcChannel({ address, clock: systemClock });
  ending.push(
    () => channel.close(),
    () => server.stop(),
  );
  return { server, address, channel };
}

afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

function rawCall(address: string, path: string, bytes: Buffer): Promise<{ code: number; details: string }> {
  const client = new RawClient(address, credentials.createInsecure());
  const same = (value: Buffer) => value;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, same, same, bytes, (failure) => {
      client.close();
      resolve({ code: failure?.code ?? 0, details: failure?.details ?? '' });
    });
  });
}

interface Reflected {
  listServicesResponse: { service: { name: string }[] } | null;
  fileDescriptorResponse: { fileDescriptorProto: Buffer[] } | null;
  errorResponse: { errorCode: number } | null;
}

interface Reflection {
  serverReflectionInfo: BidiStreaming<Record<string, string>, Reflected>;
}

function reflection(version: string) {
  const file = `${dirname(createRequire(import.meta.url).resolve('@grpc/reflection'))}/../proto/grpc/reflection/${version}/reflection.proto`;
  return serviceOf<Reflection>(file, `grpc.reflection.${version}.ServerReflection`);
}

describe.each(['http2', 'grpc-js'] as const)('the gRPC server by %s', (by) => {
  beforeAll(() => {
    front = by;
  });

  it.each(['v1', 'v1alpha'])('tells what it offers by reflection %s', async (version) => {
    const { channel } = await started(async () => ({ live: true }));
    async function* questions() {
      yield { listServices: '*' };
      yield { fileContainingSymbol: 'inference.GRPCInferenceService' };
      yield { fileContainingSymbol: 'no.Such' };
    }
    const told: Reflected[] = [];
    for await (const answer of channel.client(reflection(version)).serverReflectionInfo(questions())) told.push(answer);
    expect(told[0]?.listServicesResponse?.service.map(({ name }) => name)).toEqual([
      'grpc.health.v1.Health',
      'inference.GRPCInferenceService',
    ]);
    const [file] = told[1]?.fileDescriptorResponse?.fileDescriptorProto ?? [];
    expect(Buffer.from(file ?? []).toString('latin1')).toMatch(/model_name.*RepositoryIndex/s);
    expect(told[2]?.errorResponse).toMatchObject({ errorCode: 5 });
  });

  it('names the address and a remedy when the port is in use', async () => {
    const { address } = await started(async () => ({ live: true }));
    const second = grpcServer({ address, clock: systemClock }, front);
    await expect(second.start()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: `gRPC cannot listen on ${address}: the port is in use`,
      remedy: expect.stringContaining('RELEARN_GRPC'),
    });
  });

  it('refuses an address that is none of this machine', async () => {
    const server = grpcServer({ address: '203.0.113.1:9', clock: systemClock }, front);
    await expect(server.start()).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  it('answers malformed bytes with INVALID_ARGUMENT and goes on', async () => {
    const { address } = await started(async () => ({ live: true }));
    const path = '/grpc.health.v1.Health/Check';
    expect((await rawCall(address, path, Buffer.from([0x0a, 0xff]))).code).toBe(3);
    expect((await rawCall(address, path, Buffer.alloc(0))).code).toBe(0);
  });

  it('tells both sides of each unary call how it ended', async () => {
    const [served, asked]: [AnsweredCall[], AnsweredCall[]] = [[], []];
    const onServed = (call: AnsweredCall) => served.push(call);
    const server = grpcServer({ address: '127.0.0.1:0', clock: systemClock, onCall: onServed }, front);
    await server.start();
    const address = `127.0.0.1:${server.port}`;
    const channel = new GrpcChannel({ address, clock: systemClock, onCall: (call) => asked.push(call) });
    const { check } = channel.client(healthService);
    await check({ service: '' });
    await expect(check({ service: 'nobody' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await server.stop();
    await expect(check({ service: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await channel.close();
    const told = (status: number) => ({ path: '/grpc.health.v1.Health/Check', status, seconds: expect.any(Number) });
    expect(served).toEqual([told(0), told(5)]);
    expect(asked).toEqual([told(0), told(5), told(14)]);
  });

  it('refuses a message above its limit', async () => {
    const { address } = await started(async () => ({ live: true }));
    const answer = await rawCall(address, '/inference.GRPCInferenceService/ServerLive', Buffer.alloc(5000));
    expect(answer.code).toBe(8);
  });

  it('reports health of the server and of each service, and NOT_FOUND for others', async () => {
    const { channel } = await started(async () => ({ live: true }));
    const health = channel.client(healthService);
    expect(await health.check({ service: '' })).toEqual({ status: 'SERVING' });
    expect(await health.check({ service: inference.name })).toEqual({ status: 'SERVING' });
    await expect(health.check({ service: 'nobody' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('tells watchers of each change, and of the end', async () => {
    const { server, channel } = await started(async () => ({ live: true }));
    const heard: string[] = [];
    let stopping: Promise<void> | undefined;
    for await (const { status } of channel.client(healthService).watch({ service: inference.name })) {
      heard.push(status);
      if (heard.length === 1) server.health.set(inference.name, 'NOT_SERVING');
      if (heard.length === 2) server.health.set(inference.name, 'SERVING');
      if (heard.length === 3) stopping = server.stop();
    }
    await stopping;
    expect(heard).toEqual(['SERVING', 'NOT_SERVING', 'SERVING', 'NOT_SERVING']);
  });

  it('lets running calls finish when it stops, and turns unhealthy first', async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let entered = (): void => undefined;
    const running = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const { server, channel } = await started(async () => {
      entered();
      await released;
      return { live: true };
    });
    const call = channel.client(inference).serverLive({});
    await running;
    const stopped = server.stop();
    await expect(server.health.handlers.check({ service: '' }, noContext)).resolves.toEqual({ status: 'NOT_SERVING' });
    release();
    expect(await call).toEqual({ live: true });
    await stopped;
  });

  it('cuts off what has not ended when the time to drain is over', async () => {
    let entered = (): void => undefined;
    const running = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const { server, channel } = await started(async () => {
      entered();
      return new Promise(() => undefined);
    }, 20);
    const call = channel.client(inference).serverLive({});
    const failed = expect(call).rejects.toMatchObject({ name: 'RelearnError' });
    await running;
    await server.stop();
    await failed;
  });
});

const noContext = {
  deadline: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
  cancelled: false,
  metadata: {},
};
