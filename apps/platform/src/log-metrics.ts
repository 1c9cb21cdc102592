import {
  decodeEvent,
  driftReported,
  type Event,
  modelPromoted,
  modelRolledBack,
  performanceReported,
  pipelineEnded,
  retrainRequested,
  rolloutEnded,
} from '@relearn/contracts';
import { type Part, RelearnError } from '@relearn/kernel';
import { type Ports, Sequences } from '@relearn/runtime';
import type { Metrics } from '@relearn/telemetry';

const againAfterMs = 1_000;
const limits = { maxRecords: 200, maxBytes: 2 * 1024 * 1024 };

/** Turns what the control and monitoring logs say from now on into Prometheus metrics: turns, rollouts, models, drift, realised quality. */
export function logMetrics(ports: Ports): Part {
  const stopping = new AbortController();
  const { metrics } = ports.telemetry;
  const loops: Promise<void>[] = [];
  const follow = async (partition: number, from: number) => {
    const reader = ports.bus.follow('monitoring', partition, from);
    const sequences = new Sequences();
    while (!stopping.signal.aborted) {
      try {
        for (const record of await reader.next(limits, stopping.signal)) {
          const event = decodeEvent(record);
          if (sequences.judge(event).kind === 'skip') continue;
          sequences.advance(event);
          observeWindow(metrics, event);
        }
      } catch (thrown) {
        const { code, message } = RelearnError.from(thrown);
        ports.telemetry.log.debug({ code }, `metrics of monitoring/${partition} wait: ${message}`);
        await ports.kernel.clock.sleep(againAfterMs, stopping.signal);
      }
    }
  };
  let leave: () => void = () => undefined;
  return {
    name: 'log metrics',
    async start() {
      const bounds = await ports.bus.bounds('monitoring');
      leave = ports.catalog.listen((event) => observeControl(metrics, event));
      loops.push(...bounds.map(({ end }, partition) => follow(partition, end)));
    },
    async stop() {
      leave();
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

function observeControl(metrics: Metrics, event: Event): void {
  const { pipeline } = event;
  if (retrainRequested.is(event)) metrics.retrains.add({ reason: event.data.reason });
  else if (pipelineEnded.is(event)) metrics.turns.add({ pipeline, outcome: event.data.outcome });
  else if (rolloutEnded.is(event)) metrics.rollouts.add({ pipeline, outcome: event.data.outcome });
  else if (modelPromoted.is(event) || modelRolledBack.is(event)) {
    if (event.data.from !== null) metrics.modelInfo.clear({ pipeline, model: String(event.data.from.model) });
    metrics.modelInfo.set({ pipeline, model: String(event.data.model) }, 1);
  }
}

function observeWindow(metrics: Metrics, event: Event): void {
  const { pipeline } = event;
  if (driftReported.is(event)) {
    for (const { feature, method, statistic } of event.data.features) {
      if (statistic !== null) metrics.drift.set({ pipeline, feature, method }, statistic);
    }
  } else if (performanceReported.is(event)) {
    const { metric, value, frozen } = event.data;
    if (value !== null) metrics.performance.set({ pipeline, metric, arm: 'champion' }, value);
    if (frozen !== null) metrics.performance.set({ pipeline, metric, arm: 'frozen' }, frozen);
  }
}
