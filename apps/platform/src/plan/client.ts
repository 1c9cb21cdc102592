import { systemClock } from '@relearn/kernel';
import { serviceOf, type Unary } from '@relearn/rpc';
import { GrpcChannel } from '@relearn/rpc/grpc';
import { quantile } from '@relearn/serving/plan';

// The client of a measurement, a process of its own: it asks with so many requests on their way at once, for so long.

export interface ClientOrder {
  readonly address: string;
  readonly request: PlannedRequest;
  readonly inFlight: number;
  readonly ms: number;
}

/** Tensors in base64: the order crosses processes as JSON. */
export interface PlannedRequest {
  readonly modelName: string;
  readonly inputs: readonly { readonly name: string; readonly datatype: string; readonly shape: readonly number[] }[];
  readonly raw: readonly string[];
}

export interface ClientFigures {
  readonly answered: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the first request that failed. */
  readonly failure?: string;
}

interface Inference {
  modelInfer: Unary<object, object>;
}

process.once('message', (order: ClientOrder) => {
  void ask(order).then((figures) => process.send?.(figures, () => process.disconnect()));
});

async function ask({ address, request, inFlight, ms }: ClientOrder): Promise<ClientFigures> {
  const channel = new GrpcChannel({ address, clock: systemClock });
  const client = channel.client(serviceOf<Inference>('inference/grpc_service.proto', 'inference.GRPCInferenceService'));
  const { raw, ...rest } = request;
  const message = { ...rest, rawInputContents: raw.map((text) => Buffer.from(text, 'base64')) };
  const times: number[] = [];
  let failure: string | undefined;
  const began = systemClock.now();
  const one = async () => {
    while (failure === undefined && systemClock.now() < began + ms) {
      const sent = systemClock.now();
      try {
        await client.modelInfer(message);
        times.push(systemClock.now() - sent);
      } catch (thrown) {
        failure ??= thrown instanceof Error ? thrown.message : String(thrown);
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  const seconds = (systemClock.now() - began) / 1000;
  await channel.close();
  const figures = { answered: times.length, seconds, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
  return failure === undefined ? figures : { ...figures, failure };
}
