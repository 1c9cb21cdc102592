import type { Chance } from '@relearn/kernel';
import { type ActiveSpan, attributeNames, parseTraceparent, type Telemetry } from '@relearn/telemetry';
import type { JobTimings } from '../batcher.js';
import type { Choice } from '../rollout.js';
import type { CallScope } from './data-plane.js';
import type { InferRequest } from './request.js';

/** Of requests that come without a trace, the share that begins one. */
const ownShare = 0.01;

type Tracing = Pick<Telemetry, 'traces' | 'span'>;

/** Spans of requests: of those whose caller keeps its trace, and of a share of those that come without one. */
export class RequestTracing {
  private readonly chance: Chance;
  private readonly telemetry: Tracing | undefined;

  constructor(chance: Chance, telemetry: Tracing | undefined) {
    this.chance = chance;
    this.telemetry = telemetry?.traces === true ? telemetry : undefined;
  }

  around<T>(request: InferRequest, scope: CallScope, work: (span?: ActiveSpan) => Promise<T>): Promise<T> {
    if (this.telemetry === undefined) return work();
    const parent = scope.metadata?.['traceparent'];
    const context = parseTraceparent(parent);
    if (context === undefined ? this.chance.next() >= ownShare : !context.sampled) return work();
    const attributes = { [attributeNames.pipeline]: request.modelName };
    return this.telemetry.span('inference', { kind: 'server', parent, attributes }, work);
  }
}

export function tellSpan(span: ActiveSpan, { model, arm, checked }: Choice, timings: JobTimings): void {
  span.setAttributes({
    [attributeNames.modelVersion]: model.version,
    [attributeNames.arm]: arm,
    [attributeNames.rows]: checked.rows,
    [attributeNames.batchRows]: timings.batchRows,
    [attributeNames.queueMs]: timings.queueMs,
    [attributeNames.computeMs]: timings.computeMs,
  });
}
