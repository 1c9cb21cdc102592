import { sha256 } from '@relearn/kernel';

/** The ids of a W3C traceparent (www.w3.org/TR/trace-context). */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

const pattern = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})/;

/** The ids of a traceparent, or undefined where the text is none or its ids are all zero. */
export function parseTraceparent(text: string | undefined): TraceContext | undefined {
  const match = text === undefined ? null : pattern.exec(text);
  if (match === null || text?.startsWith('ff') === true) return undefined;
  const [, traceId = '', spanId = '', flags = ''] = match;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent(context: TraceContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? '01' : '00'}`;
}

/**
 * The traceparent that everything done under an id shares: a turn's id gives the same trace in every service and
 * after every restart, so that one turn of the loop is one trace.
 */
export function traceparentOf(id: string): string {
  const digest = sha256(id);
  return formatTraceparent({ traceId: digest.slice(0, 32), spanId: digest.slice(32, 48), sampled: true });
}
