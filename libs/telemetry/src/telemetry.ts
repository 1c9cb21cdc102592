import type { DestinationStream } from 'pino';
import { createLog, type Log, type LogLevel } from './log.js';
import { createMetrics, type Metrics } from './metrics.js';
import { attributeNames } from './names.js';
import { noTracing, startTracing, type Tracing } from './tracing.js';

/** What a part of the platform tells of itself. */
export interface Telemetry extends Tracing {
  readonly metrics: Metrics;
  readonly log: Log;
  /** The same telemetry with log lines and spans that name the service. */
  forService(service: string): Telemetry;
}

export interface TelemetryOptions {
  /** `service.name` of the process. */
  readonly service: string;
  readonly version?: string;
  readonly level: LogLevel;
  /** What every log line tells. */
  readonly base?: Readonly<Record<string, string | number>> | undefined;
  readonly pretty?: boolean;
  /** Where log lines go; standard error by default. */
  readonly stream?: DestinationStream;
  /** OTEL_EXPORTER_OTLP_ENDPOINT of the configuration; without it no span is made and the SDK is not loaded. */
  readonly otlpEndpoint?: string | undefined;
}

/** The telemetry of a process. Throws INVALID_CONFIG where the endpoint is no URL. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const tracing = await startTracing({
    endpoint: options.otlpEndpoint,
    service: options.service,
    ...(options.version === undefined ? {} : { version: options.version }),
  });
  const log = createLog({
    level: options.level,
    base: options.base,
    traceparent: tracing.currentTraceparent,
    ...(options.pretty === undefined ? {} : { pretty: options.pretty }),
    ...(options.stream === undefined ? {} : { stream: options.stream }),
  });
  return compose(createMetrics(), log, tracing);
}

/** Telemetry for tests: metrics that can be read, no log lines, no spans, nothing of the process. */
export function silentTelemetry(): Telemetry {
  return compose(createMetrics({ process: false }), createLog({ level: 'silent' }), noTracing());
}

function compose(metrics: Metrics, log: Log, tracing: Tracing): Telemetry {
  return {
    metrics,
    log,
    traces: tracing.traces,
    span: tracing.span,
    currentTraceparent: tracing.currentTraceparent,
    forService: (service) => compose(metrics, log.child({ service }), tracingOf(service, tracing)),
    async stop() {
      metrics.stop();
      await tracing.stop();
    },
  };
}

function tracingOf(service: string, tracing: Tracing): Tracing {
  return {
    ...tracing,
    span: (name, options, work) =>
      tracing.span(
        name,
        { ...options, attributes: { [attributeNames.service]: service, ...options.attributes } },
        work,
      ),
  };
}
