// The reference server lets clients see and change how it traces and logs. Here the environment says that: they may look.

/** By name its values. */
export type TraceSettings = Readonly<Record<string, readonly string[]>>;

/** As it stands for every model: traces go the way of OpenTelemetry, none by this interface. */
export const traceSettings: TraceSettings = {
  trace_file: [''],
  trace_level: ['OFF'],
  trace_rate: ['1000'],
  trace_count: ['-1'],
  log_frequency: ['0'],
  trace_mode: ['opentelemetry'],
};

/** The log goes to the standard output; its level is in RELEARN_LOG. */
export const logSettings: Readonly<Record<string, string | number | boolean>> = {
  log_file: '',
  log_info: true,
  log_warning: true,
  log_error: true,
  log_verbose_level: 0,
  log_format: 'default',
};
