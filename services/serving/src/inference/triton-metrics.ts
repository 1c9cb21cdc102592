import type { Metrics } from '@relearn/telemetry';
import type { ModelFigures } from './figures.js';
import type { ModelHost } from './model-host.js';

/** The figures of a version when they were last told. */
interface Told {
  readonly figures: ModelFigures;
  readonly counts: Map<string, number>;
}

/** Tells what each version has done for requests under the names of Triton's metrics, whenever they are read. */
export function tellTritonMetrics(host: ModelHost, metrics: Metrics): void {
  const before = new Map<string, Told>();
  metrics.beforeRender(() => {
    const now = new Set<string>();
    for (const { name: model, version, figures } of host.departed()) {
      const told = before.get(`${model}/${version}`);
      // What it did since it was told last.
      const counts = told?.figures === figures ? told.counts : new Map<string, number>();
      tell(metrics, { model, version }, { figures, counts });
      metrics.tritonPending.clear({ model, version });
    }
    for (const { name: model, version, figures, pending } of host.figures()) {
      const key = `${model}/${version}`;
      now.add(key);
      let told = before.get(key);
      // A version that was loaded anew counts from nothing.
      if (told?.figures !== figures) before.set(key, (told = { figures, counts: new Map() }));
      tell(metrics, { model, version }, told);
      metrics.tritonPending.set({ model, version }, pending);
    }
    for (const key of before.keys()) if (!now.has(key)) before.delete(key);
  });
}

function tell(metrics: Metrics, labels: { model: string; version: string }, { figures, counts }: Told): void {
  const { success, failures, rows, runs, queue, input, infer, output } = figures;
  const grown = (key: string, value: number, add: (amount: number) => void) => {
    add(value - (counts.get(key) ?? 0));
    counts.set(key, value);
  };
  grown('success', success.count, (amount) => metrics.tritonSuccess.add(labels, amount));
  for (const reason of ['REJECTED', 'CANCELED', 'BACKEND', 'OTHER'] as const) {
    grown(reason, failures.get(reason) ?? 0, (amount) => metrics.tritonFailure.add({ ...labels, reason }, amount));
  }
  grown('rows', rows, (amount) => metrics.tritonInferences.add(labels, amount));
  grown('runs', runs, (amount) => metrics.tritonRuns.add(labels, amount));
  const microseconds = (ms: number) => Math.floor(1000 * ms);
  grown('request', microseconds(success.ms), (amount) => metrics.tritonRequestUs.add(labels, amount));
  grown('queue', microseconds(queue.ms), (amount) => metrics.tritonQueueUs.add(labels, amount));
  grown('input', microseconds(input.ms), (amount) => metrics.tritonInputUs.add(labels, amount));
  grown('infer', microseconds(infer.ms), (amount) => metrics.tritonInferUs.add(labels, amount));
  grown('output', microseconds(output.ms), (amount) => metrics.tritonOutputUs.add(labels, amount));
}
