import type { Telemetry } from '@relearn/telemetry';
import type { PredictionRecord } from '../inference/prediction-record.js';

type Arm = Pick<PredictionRecord, 'model' | 'version' | 'arm'>;
type Labels = ReturnType<typeof labelsOf>;

/** What the metrics hear of each run: its batch, its times and how many rows it answered. */
export class RunMetrics {
  private readonly metrics: Telemetry['metrics'];
  /** Run after run is mostly the same arm's, and metrics find its series at once by the same labels. */
  private last: Labels | undefined;

  constructor(metrics: Telemetry['metrics']) {
    this.metrics = metrics;
  }

  /** All records of one run, one version's. */
  observe(records: readonly PredictionRecord[]): void {
    const { predictions, inferenceQueue, inferenceCompute, inferenceRequest, inferenceBatch } = this.metrics;
    const [first] = records;
    if (first === undefined) return;
    const { run, arm, request, mirror } = this.labelsFor(first);
    inferenceBatch.observe(run, first.timings.batchRows);
    let [requests, mirrors] = [0, 0];
    for (const { rows, timings, traceId, failure, answered } of records) {
      if (failure !== undefined) continue;
      if (answered !== undefined) {
        mirrors += rows;
        continue;
      }
      requests += rows;
      const { queueMs, computeMs } = timings;
      inferenceQueue.observe(arm, queueMs / 1000, traceId);
      inferenceCompute.observe(arm, computeMs / 1000, traceId);
      inferenceRequest.observe(arm, (queueMs + computeMs) / 1000, traceId);
    }
    if (requests > 0) predictions.add(request, requests);
    if (mirrors > 0) predictions.add(mirror, mirrors);
  }

  private labelsFor(of: Arm): Labels {
    const { last } = this;
    if (last?.run.pipeline === of.model && last.arm.model === of.version && last.arm.arm === of.arm) return last;
    this.last = labelsOf(of);
    return this.last;
  }
}

function labelsOf({ model: pipeline, version: model, arm }: Arm) {
  return {
    run: { pipeline },
    arm: { pipeline, model, arm },
    request: { pipeline, model, arm, kind: 'request' },
    mirror: { pipeline, model, arm, kind: 'mirror' },
  };
}
