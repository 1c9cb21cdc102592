/**
 * Every metric and span name, as data. Names follow prometheus.io/docs/practices/naming; those of messaging, rpc and
 * http follow OpenTelemetry's semantic conventions 1.45 in Prometheus' spelling.
 */

export type MetricKind = 'counter' | 'gauge' | 'histogram';

export interface MetricSpec {
  readonly name: string;
  readonly kind: MetricKind;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, in the unit of the name. */
  readonly buckets?: readonly number[];
  /** Of several processes that tell their figures together: the greatest value, or each its own. Else they are added up. */
  readonly together?: 'greatest' | 'apart';
  /** Does a histogram keep the trace of the last value of each bucket? */
  readonly exemplars?: true;
  /** A label whose values come and go, such as a model's version: of each value of `of` the latest few are told, older ones no more. */
  readonly passing?: { readonly label: string; readonly of: string };
}

const callSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;
const inferenceSeconds = [
  0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5,
] as const;
const workSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
const jobSeconds = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600] as const;
const batchRows = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] as const;

/** Those of Triton's metrics, whose names and labels its dashboards know (docs/user_guide/metrics.md of its server). */
const tritonLabels = ['model', 'version'] as const;
const tritonPassing = { label: 'version', of: 'model' } as const;
/** Our own tell a version as the model of a pipeline. */
const passingModel = { label: 'model', of: 'pipeline' } as const;

export const metricNames = {
  messagingOperation: {
    name: 'messaging_client_operation_duration_seconds',
    kind: 'histogram',
    help: 'Seconds of one operation of a client of the bus: send, receive, settle.',
    labels: ['messaging_system', 'messaging_operation_name', 'messaging_destination_name', 'error_type'],
    buckets: callSeconds,
  },
  messagingProcess: {
    name: 'messaging_process_duration_seconds',
    kind: 'histogram',
    help: 'Seconds that a consumer took for one batch of a topic.',
    labels: ['messaging_system', 'messaging_destination_name', 'messaging_consumer_group_name', 'error_type'],
    buckets: callSeconds,
  },
  messagingSent: {
    name: 'messaging_client_sent_messages_total',
    kind: 'counter',
    help: 'Events that the bus acknowledged.',
    labels: ['messaging_system', 'messaging_destination_name'],
  },
  messagingConsumed: {
    name: 'messaging_client_consumed_messages_total',
    kind: 'counter',
    help: 'Events delivered to a consumer.',
    labels: ['messaging_system', 'messaging_destination_name', 'messaging_consumer_group_name'],
  },
  rpcServer: {
    name: 'rpc_server_call_duration_seconds',
    kind: 'histogram',
    help: 'Seconds of one call as the server saw it.',
    labels: ['rpc_system_name', 'rpc_method', 'rpc_response_status_code'],
    buckets: callSeconds,
  },
  rpcClient: {
    name: 'rpc_client_call_duration_seconds',
    kind: 'histogram',
    help: 'Seconds of one call as the client saw it.',
    labels: ['rpc_system_name', 'rpc_method', 'rpc_response_status_code'],
    buckets: callSeconds,
  },
  requests: {
    name: 'relearn_request_seconds',
    kind: 'histogram',
    help: 'Seconds of one HTTP request by its route pattern.',
    labels: ['method', 'route', 'status'],
    buckets: callSeconds,
  },
  records: {
    name: 'relearn_records_total',
    kind: 'counter',
    help: 'Records by what became of them: accepted, rejected, validated, quarantined, duplicate, dead-lettered.',
    labels: ['service', 'pipeline', 'result'],
  },
  foldBatch: {
    name: 'relearn_fold_batch_seconds',
    kind: 'histogram',
    help: 'Seconds of one batch through a fold, its outputs published.',
    labels: ['service'],
    buckets: workSeconds,
  },
  checkpoint: {
    name: 'relearn_checkpoint_seconds',
    kind: 'histogram',
    help: 'Seconds to write a checkpoint: its parts, then the document.',
    labels: ['service'],
    buckets: workSeconds,
  },
  outboxPublished: {
    name: 'relearn_outbox_published_total',
    kind: 'counter',
    help: 'Events published from an outbox.',
    labels: ['service'],
  },
  deadLetters: {
    name: 'relearn_dead_letters_total',
    kind: 'counter',
    help: 'Events set aside with their bytes and the code of the error.',
    labels: ['service', 'pipeline', 'code'],
  },
  retries: {
    name: 'relearn_retries_total',
    kind: 'counter',
    help: 'Attempts repeated after a retryable error.',
    labels: ['service', 'code'],
  },
  consumerLag: {
    name: 'relearn_consumer_lag_records',
    kind: 'gauge',
    help: 'Records of a topic that the service has not read yet, over its partitions.',
    labels: ['service', 'topic'],
    together: 'greatest',
  },
  jobs: {
    name: 'relearn_jobs_seconds',
    kind: 'histogram',
    help: 'Seconds of one leased job by its outcome: done, failed, cancelled, fenced.',
    labels: ['kind', 'outcome'],
    buckets: jobSeconds,
  },
  turns: {
    name: 'relearn_turns_total',
    kind: 'counter',
    help: 'Turns of the loop that ended: promoted, no-model, failed, superseded.',
    labels: ['pipeline', 'outcome'],
  },
  retrains: {
    name: 'relearn_retrain_total',
    kind: 'counter',
    help: 'Requests to retrain by reason: first, performance, drift, volume, schedule, manual, pipeline.',
    labels: ['reason'],
  },
  drift: {
    name: 'relearn_drift_statistic',
    kind: 'gauge',
    help: 'Drift of a feature in the latest closed window, by the variant of the method.',
    labels: ['pipeline', 'feature', 'method'],
    together: 'greatest',
  },
  performance: {
    name: 'relearn_performance',
    kind: 'gauge',
    help: 'Realised performance in the latest closed window, by arm.',
    labels: ['pipeline', 'metric', 'arm'],
    together: 'greatest',
  },
  predictions: {
    name: 'relearn_predictions_total',
    kind: 'counter',
    help: 'Rows scored; kind is stream, request or mirror (run beside an answer while a model is rolled out).',
    labels: ['pipeline', 'model', 'arm', 'kind'],
    passing: passingModel,
  },
  rollouts: {
    name: 'relearn_rollouts_total',
    kind: 'counter',
    help: 'Rollouts that ended, by outcome.',
    labels: ['pipeline', 'outcome'],
  },
  unlogged: {
    name: 'relearn_predictions_left_out_total',
    kind: 'counter',
    help: 'Answers, mirrored runs and failures that were not logged for want of room, and spoiled lines of the spool.',
    labels: ['what'],
  },
  inferenceEvents: {
    name: 'relearn_inference_events_total',
    kind: 'counter',
    help: 'CloudEvents about requests that their receiver took, or refused for good.',
    labels: ['outcome'],
  },
  modelInfo: {
    name: 'relearn_model_info',
    kind: 'gauge',
    help: '1 for the version of the pipeline that serves.',
    labels: ['pipeline', 'model'],
    passing: passingModel,
    together: 'greatest',
  },
  inferenceBatch: {
    name: 'relearn_inference_batch_rows',
    kind: 'histogram',
    help: 'Rows of one run of a session.',
    labels: ['pipeline'],
    buckets: batchRows,
  },
  inferenceQueue: {
    name: 'relearn_inference_queue_seconds',
    kind: 'histogram',
    help: 'Seconds that an answered request waited for its run.',
    labels: ['pipeline', 'model', 'arm'],
    passing: passingModel,
    buckets: inferenceSeconds,
    exemplars: true,
  },
  inferenceCompute: {
    name: 'relearn_inference_compute_seconds',
    kind: 'histogram',
    help: 'Seconds of the run of an answered request.',
    labels: ['pipeline', 'model', 'arm'],
    passing: passingModel,
    buckets: inferenceSeconds,
    exemplars: true,
  },
  inferenceRequest: {
    name: 'relearn_inference_request_seconds',
    kind: 'histogram',
    help: 'Seconds of an answered request in queue and run together.',
    labels: ['pipeline', 'model', 'arm'],
    passing: passingModel,
    buckets: inferenceSeconds,
    exemplars: true,
  },
  tritonSuccess: {
    name: 'nv_inference_request_success',
    kind: 'counter',
    help: 'Requests that were answered.',
    labels: tritonLabels,
    passing: tritonPassing,
  },
  tritonFailure: {
    name: 'nv_inference_request_failure',
    kind: 'counter',
    help: 'Requests that were not answered, by reason: REJECTED, CANCELED, BACKEND, OTHER.',
    labels: [...tritonLabels, 'reason'],
    passing: tritonPassing,
  },
  tritonInferences: {
    name: 'nv_inference_count',
    kind: 'counter',
    help: 'Rows that were inferred for requests.',
    labels: tritonLabels,
    passing: tritonPassing,
  },
  tritonRuns: {
    name: 'nv_inference_exec_count',
    kind: 'counter',
    help: 'Runs of the model for requests: one a batch.',
    labels: tritonLabels,
    passing: tritonPassing,
  },
  tritonRequestUs: {
    name: 'nv_inference_request_duration_us',
    kind: 'counter',
    help: 'Microseconds of answered requests.',
    labels: tritonLabels,
    passing: tritonPassing,
  },
  tritonQueueUs: {
    name: 'nv_inference_queue_duration_us',
    kind: 'counter',
    help: 'Microseconds that requests waited for their runs.',
    labels: tritonLabels,
    passing: tritonPassing,
  },
  tritonInputUs: {
    name: 'nv_inference_compute_input_duration_us',
    kind: 'counter',
    help: 'Microseconds in which the inputs of requests were made ready.',
    labels: tritonLabels,
    passing: tritonPassing,
  },
  tritonInferUs: {
    name: 'nv_inference_compute_infer_duration_us',
    kind: 'counter',
    help: 'Microseconds that requests spent in the model.',
    labels: tritonLabels,
    passing: tritonPassing,
  },
  tritonOutputUs: {
    name: 'nv_inference_compute_output_duration_us',
    kind: 'counter',
    help: 'Microseconds in which the outputs of requests were made ready.',
    labels: tritonLabels,
    passing: tritonPassing,
  },
  tritonPending: {
    name: 'nv_inference_pending_request_count',
    kind: 'gauge',
    help: 'Requests that wait or run.',
    labels: tritonLabels,
    passing: tritonPassing,
  },
  violations: {
    name: 'relearn_invariant_violations_total',
    kind: 'counter',
    help: 'Violations that an audit of the log found.',
    labels: ['invariant'],
  },
  eventLoopDelay: {
    name: 'relearn_event_loop_delay_seconds',
    kind: 'gauge',
    help: 'Delay of the event loop beyond the sampling interval since the last scrape, by quantile.',
    labels: ['quantile'],
    together: 'apart',
  },
  foldedLabels: {
    name: 'relearn_metric_labels_folded_total',
    kind: 'counter',
    help: 'Observations whose label value was beyond the bound and went to the value other.',
    labels: ['metric'],
  },
} as const satisfies Record<string, MetricSpec>;

export type MetricKey = keyof typeof metricNames;

/** Distinct values that a label may take in one metric of one process; what comes later is counted as `other`. */
export const labelValueBound = 200;

/** So many values of a passing label are told, those that were heard of last. */
export const passingBound = 8;

export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer';

/** The spans there are: the name is the verb, then its object (a topic, a method, a kind of job). */
export const spanNames = {
  send: { verb: 'send', kind: 'producer', help: 'A batch handed to the bus until its acknowledgement.' },
  process: { verb: 'process', kind: 'consumer', help: 'A batch of a topic through a handler; links to its producers.' },
  checkpoint: { verb: 'checkpoint', kind: 'internal', help: "A fold's parts and document written." },
  job: { verb: 'job', kind: 'internal', help: 'A leased job from taking it to writing its result.' },
  call: { verb: 'call', kind: 'client', help: 'A remote call as its client sees it.' },
  serve: { verb: 'serve', kind: 'server', help: 'A remote call or request as its server sees it.' },
} as const satisfies Record<string, { readonly verb: string; readonly kind: SpanKind; readonly help: string }>;

/** Attributes of spans: OpenTelemetry's names where there is one. */
export const attributeNames = {
  service: 'relearn.service',
  pipeline: 'relearn.pipeline',
  turn: 'relearn.turn',
  model: 'relearn.model',
  messagingSystem: 'messaging.system',
  messagingDestination: 'messaging.destination.name',
  messagingPartition: 'messaging.destination.partition.id',
  messagingOperation: 'messaging.operation.name',
  messagingOperationType: 'messaging.operation.type',
  messagingGroup: 'messaging.consumer.group.name',
  messagingBatch: 'messaging.batch.message_count',
  rpcSystem: 'rpc.system.name',
  rpcMethod: 'rpc.method',
  errorType: 'error.type',
  modelVersion: 'relearn.model.version',
  arm: 'relearn.arm',
  rows: 'relearn.rows',
  batchRows: 'relearn.batch.rows',
  queueMs: 'relearn.queue_ms',
  computeMs: 'relearn.compute_ms',
} as const;
