import { AsyncLocalStorage } from 'node:async_hooks';
import { RelearnError } from '@relearn/kernel';
import type { Span as OtelSpan, Tracer } from '@opentelemetry/api';
import { attributeNames, type SpanKind } from './names.js';
import { formatTraceparent, parseTraceparent } from './traceparent.js';

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanOptions {
  /** Default `internal`. */
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** The traceparent that came with what is worked on; without it the span in force is the parent. */
  readonly parent?: string | undefined;
  /** Traceparents of the producers of a batch. */
  readonly links?: readonly (string | undefined)[];
}

export interface ActiveSpan {
  /** To be sent along with what this work causes: the span's own, or the parent's when tracing is off. */
  readonly traceparent: string | undefined;
  /** Of a span that is kept; undefined where it is not sampled or tracing is off. */
  readonly traceId: string | undefined;
  setAttributes(attributes: Attributes): void;
}

export interface Tracing {
  /** Are spans made at all? */
  readonly traces: boolean;
  /** Runs the work under a span; a throw marks the span and goes on. When tracing is off the work is all that runs. */
  readonly span: <T>(name: string, options: SpanOptions, work: (span: ActiveSpan) => Promise<T>) => Promise<T>;
  readonly currentTraceparent: () => string | undefined;
  /** Sends what is still held. */
  readonly stop: () => Promise<void>;
}

export interface TracingOptions {
  /** Base address of an OTLP/HTTP collector such as http://localhost:4318; without one tracing is off. */
  readonly endpoint?: string | undefined;
  readonly service: string;
  readonly version?: string;
}

const silentSpan: ActiveSpan = {
  traceparent: undefined,
  traceId: undefined,
  setAttributes: () => undefined,
};

/** Tracing that makes no spans and loads nothing, but passes a given traceparent through. */
export function noTracing(): Tracing {
  const current = new AsyncLocalStorage<ActiveSpan>();
  return {
    traces: false,
    span(_name, options, work) {
      if (options.parent === undefined) return work(current.getStore() ?? silentSpan);
      const span = { ...silentSpan, traceparent: options.parent };
      return current.run(span, work, span);
    },
    currentTraceparent: () => current.getStore()?.traceparent,
    stop: () => Promise.resolve(),
  };
}

/** Starts OpenTelemetry's SDK towards the endpoint; without one gives `noTracing` and loads none of it. */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  if (options.endpoint === undefined || options.endpoint === '') return noTracing();
  const url = tracesUrl(options.endpoint);
  const { NodeSDK, api, resources } = await import('@opentelemetry/sdk-node');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
  const sdk = new NodeSDK({
    serviceName: options.service,
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes({ 'service.version': options.version ?? '0.0.0' })),
    traceExporter: new OTLPTraceExporter({ url }),
    // Metrics are prom-client's and logs are pino's alone.
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
  });
  sdk.start();
  const tracer = api.trace.getTracer('relearn', options.version);
  return {
    traces: true,
    ...spansOf(tracer, api),
    async stop() {
      await sdk.shutdown();
      api.trace.disable();
      api.context.disable();
      api.propagation.disable();
    },
  };
}

function tracesUrl(endpoint: string): string {
  if (!URL.canParse(endpoint)) {
    throw new RelearnError('INVALID_CONFIG', `OTEL_EXPORTER_OTLP_ENDPOINT '${endpoint}' is no URL`);
  }
  return `${endpoint.replace(/\/$/, '')}/v1/traces`;
}

type Api = typeof import('@opentelemetry/api');

function spansOf(tracer: Tracer, api: Api): Pick<Tracing, 'span' | 'currentTraceparent'> {
  const current = new AsyncLocalStorage<ActiveSpan>();
  return {
    async span(name, options, work) {
      const parent = contextOf(api, options.parent ?? current.getStore()?.traceparent);
      const links = (options.links ?? []).map((link) => contextOf(api, link)).filter((link) => link !== undefined);
      const span = tracer.startSpan(
        name,
        {
          kind: api.SpanKind[otelKinds[options.kind ?? 'internal']],
          attributes: present(options.attributes ?? {}),
          links: links.map((context) => ({ context })),
        },
        parent === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, parent),
      );
      const active = activeSpan(span);
      try {
        return await current.run(active, work, active);
      } catch (thrown) {
        const error = RelearnError.from(thrown);
        span.setAttribute(attributeNames.errorType, error.code);
        span.setStatus({ code: api.SpanStatusCode.ERROR, message: error.message });
        throw thrown;
      } finally {
        span.end();
      }
    },
    currentTraceparent: () => current.getStore()?.traceparent,
  };
}

function contextOf(api: Api, traceparent: string | undefined) {
  const context = parseTraceparent(traceparent);
  if (context === undefined) return undefined;
  const traceFlags = context.sampled ? api.TraceFlags.SAMPLED : api.TraceFlags.NONE;
  return { traceId: context.traceId, spanId: context.spanId, traceFlags, isRemote: true };
}

function activeSpan(span: OtelSpan): ActiveSpan {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const sampled = (traceFlags & 1) === 1;
  return {
    traceparent: formatTraceparent({ traceId, spanId, sampled }),
    traceId: sampled ? traceId : undefined,
    setAttributes: (attributes) => {
      span.setAttributes(present(attributes));
    },
  };
}

const otelKinds: Readonly<Record<SpanKind, keyof Api['SpanKind']>> = {
  internal: 'INTERNAL',
  server: 'SERVER',
  client: 'CLIENT',
  producer: 'PRODUCER',
  consumer: 'CONSUMER',
};

function present(attributes: Attributes): Record<string, string | number | boolean> {
  const kept: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) kept[name] = value;
  return kept;
}
