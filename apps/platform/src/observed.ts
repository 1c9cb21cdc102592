import { type Bus, forwarding } from '@relearn/bus';
import { grpcStatus, RelearnError } from '@relearn/kernel';
import type { Ports } from '@relearn/runtime';
import type { AnsweredCall } from '@relearn/rpc/grpc';
import type { Metrics, Telemetry } from '@relearn/telemetry';
import type { FastifyInstance } from 'fastify';
import { type Fold, lagOf } from './lag.js';

/** Measures each HTTP request by its route; to be called before routes are added. */
export function observeRequests(app: FastifyInstance, metrics: Metrics): void {
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const labels = { method: request.method, route, status: String(reply.statusCode) };
    metrics.requests.observe(labels, reply.elapsedTime / 1000);
  });
}

const statusNames = new Map<number, string>(Object.entries(grpcStatus).map(([name, code]) => [code, name]));

/** Measures each unary call, as its server or as its client saw it. */
export function observeCalls(histogram: Metrics['rpcServer' | 'rpcClient']): (call: AnsweredCall) => void {
  let last = { path: '', status: 0, labels: callLabels('', 0) };
  return ({ path, status, seconds }) => {
    if (last.path !== path || last.status !== status) last = { path, status, labels: callLabels(path, status) };
    histogram.observe(last.labels, seconds);
  };
}

function callLabels(path: string, status: number) {
  const name = statusNames.get(status) ?? String(status);
  return { rpc_system_name: 'grpc', rpc_method: path.replace(/^\//, ''), rpc_response_status_code: name };
}

/** The bus, with what it takes counted and timed. */
export function observedBus(bus: Bus, { metrics }: Telemetry, now: () => number): Bus {
  const messaging_system = bus.features.name;
  const sent = (topic: string, seconds: number, error_type: string) => {
    const labels = {
      messaging_system,
      messaging_operation_name: 'send',
      messaging_destination_name: topic,
      error_type,
    };
    metrics.messagingOperation.observe(labels, seconds);
  };
  const publish: Bus['publish'] = async (records) => {
    const began = now();
    const topics = new Map<string, number>();
    for (const { topic } of records) topics.set(topic, (topics.get(topic) ?? 0) + 1);
    try {
      const positions = await bus.publish(records);
      for (const [topic, count] of topics) {
        sent(topic, (now() - began) / 1000, '');
        metrics.messagingSent.add({ messaging_system, messaging_destination_name: topic }, count);
      }
      return positions;
    } catch (thrown) {
      const { code } = RelearnError.from(thrown);
      for (const topic of topics.keys()) sent(topic, (now() - began) / 1000, code);
      throw thrown;
    }
  };
  return { ...forwarding(bus), publish };
}

/** Sets how far the checkpoints of these folds are behind the log. */
export async function observeLag(ports: Ports, services: readonly Fold[]): Promise<void> {
  for (const { service, topic, records } of await lagOf(ports, services)) {
    ports.telemetry.metrics.consumerLag.set({ service, topic }, records);
  }
}
