import type { Bus } from '@relearn/bus';
import { createMemoryBus } from '@relearn/bus/memory';
import { type DataOf, encodeEvent, predictionLogged } from '@relearn/contracts';
import { RelearnError, systemKernel } from '@relearn/kernel';
import type { Ports } from '@relearn/runtime';
import { silentTelemetry } from '@relearn/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type InferenceEvent, inferenceEventsOf } from '../src/inference-events/inference-event.js';
import { sendInferenceEvents } from '../src/inference-events/send-inference-events.js';

type Logged = DataOf<typeof predictionLogged>;

const source = 'serving/spool-s/0/predictions';
const time = '2024-05-01T12:00:00.000Z';

/** Two requests, of one row and of two, answered by model 3. */
const answered: Logged = {
  kind: 'request',
  ids: ['e1', null, 'e3'],
  times: [0, 0, 0],
  at: [7, 8, 9],
  inputs: { city: ['Bern', 'Basel', null], 'x[0]': [1, 2, null], 'x[1]': [4, 5, 6] },
  arms: [{ arm: 'champion', model: 3, outputs: { probability: [0.1, 0.2, 0.3] } }],
  watermark: null,
  requests: { ids: ['a', 'b'], rows: [1, 2], computeMs: [1, 1], totalMs: [2, 2] },
};

const attributes = (sequence: number, previous: number | null) => {
  const id = `${source}@${sequence}`;
  return { id, source, type: predictionLogged.type, sequence, previous, time, pipeline: 'orders', pipelineversion: 1 };
};
const eventsOf = (data: Logged) => inferenceEventsOf({ ...attributes(9, null), data });
const bodiesOf = (events: readonly InferenceEvent[]) => events.map(({ body }): unknown => JSON.parse(body));

describe('a request and its response', () => {
  it('are two events of one id, with KServe’s types and extensions', () => {
    const events = eventsOf(answered);
    expect(events.map(({ headers }) => [headers['ce-id'], headers['ce-type']?.split('.').at(-1)])).toEqual([
      [`${source}@7`, 'request'],
      [`${source}@7`, 'response'],
      [`${source}@8`, 'request'],
      [`${source}@8`, 'response'],
    ]);
    expect(events[0]?.headers).toEqual({
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': `${source}@7`,
      'ce-type': 'org.kubeflow.serving.inference.request',
      'ce-source': 'relearn/serving/orders',
      'ce-time': time,
      'ce-inferenceservicename': 'orders',
      'ce-namespace': 'default',
      'ce-component': 'predictor',
      'ce-endpoint': 'default',
      'ce-modelversion': '3',
    });
  });

  it('tell tensors of the Open Inference Protocol', () => {
    const [, , request, response] = bodiesOf(eventsOf(answered));
    expect(request).toEqual({
      id: 'b',
      model_name: 'orders',
      model_version: '3',
      inputs: [
        { name: 'city', shape: [2, 1], datatype: 'BYTES', data: ['Basel', null] },
        { name: 'x', shape: [2, 2], datatype: 'FP64', data: [2, 5, null, 6] },
      ],
    });
    expect(response).toMatchObject({
      outputs: [{ name: 'probability', shape: [2, 1], datatype: 'FP64', data: [0.2, 0.3] }],
    });
  });

  it('of a challenger are the canary’s', () => {
    const arms = answered.arms.map((arm) => ({ ...arm, arm: 'challenger' as const, model: 4 }));
    expect(eventsOf({ ...answered, arms })[0]?.headers).toMatchObject({
      'ce-endpoint': 'canary',
      'ce-modelversion': '4',
    });
  });

  it('that failed has no response, and a stream’s rows have neither', () => {
    const failure = { arm: 'champion' as const, model: 3, code: 'INTERNAL' };
    const { requests: _, ...rest } = answered;
    const failed = { ...rest, arms: [], request: { id: 'a', computeMs: 0, totalMs: 5, failure } };
    expect(eventsOf(failed).map(({ headers }) => headers['ce-type'])).toEqual([
      'org.kubeflow.serving.inference.request',
    ]);
    expect(eventsOf({ ...answered, kind: 'stream' })).toEqual([]);
  });
});

describe('the sender', () => {
  let bus: Bus;
  let answers: (status: number) => void;
  let taken: InferenceEvent[];
  let asked: number;
  let status: number | null;
  const telemetry = silentTelemetry();

  beforeEach(async () => {
    bus = createMemoryBus(systemKernel);
    await bus.ensureTopics([{ name: 'predictions', partitions: 2, retentionMs: null }]);
    taken = [];
    asked = 0;
    status = 200;
    answers = (next) => (status = next);
  });
  afterEach(() => bus.close());

  async function publish(sequence: number, previous: number | null): Promise<void> {
    const event = encodeEvent({
      ...attributes(sequence, previous),
      data: { ...answered, at: [sequence - 2, sequence - 1, sequence] },
    });
    await bus.publish([{ topic: 'predictions', partition: 0, key: 'orders', ...event }]);
  }

  const open = () => {
    const ports = { bus, kernel: systemKernel, telemetry } as unknown as Ports;
    return sendInferenceEvents(ports, async (event) => {
      asked += 1;
      if (status === null) throw new RelearnError('UNAVAILABLE', 'nobody is there');
      if (status < 300) taken.push(event);
      return status;
    });
  };
  const until = async (holds: () => boolean) => {
    while (!holds()) await systemKernel.clock.sleep(2);
  };

  it('sends each request’s events once, also where the log holds a copy', async () => {
    const sender = open();
    await sender.start();
    await publish(3, null);
    await publish(3, null);
    await publish(6, 3);
    await until(() => taken.length === 8);
    await sender.stop();
    expect(new Set(taken.map(({ headers }) => `${headers['ce-id']} ${headers['ce-type']}`)).size).toBe(8);
  });

  it('keeps what the receiver cannot take now, over a restart too', async () => {
    status = null;
    const first = open();
    await first.start();
    await publish(3, null);
    await until(() => asked > 4);
    await first.stop();
    const second = open();
    await second.start();
    answers(503);
    const before = asked;
    await until(() => asked > before + 4);
    expect(taken).toEqual([]);
    answers(202);
    await until(() => taken.length === 4);
    await second.stop();
  });

  it('passes over what the receiver refuses for good, and counts it', async () => {
    answers(400);
    const sender = open();
    await sender.start();
    await publish(3, null);
    await until(() => asked === 4);
    answers(200);
    await publish(6, 3);
    await until(() => taken.length === 4);
    await sender.stop();
    expect(asked).toBe(8);
    expect((await telemetry.metrics.render()).body).toContain('relearn_inference_events_total{outcome="refused"} 4');
  });
});
