import type { Cell, Columns, DataOf, Event, predictionLogged } from '@relearn/contracts';

/**
 * A CloudEvent in HTTP's binary mode, as KServe's inference logger sends them: types, extensions and one id for a request
 * and its response (kserve, pkg/logger).
 */
export interface InferenceEvent {
  readonly headers: Readonly<Record<string, string>>;
  /** JSON of the Open Inference Protocol. */
  readonly body: string;
}

type Logged = Event<DataOf<typeof predictionLogged>>;

const requestType = 'org.kubeflow.serving.inference.request';
const responseType = 'org.kubeflow.serving.inference.response';

/** The requests whose rows the event tells, and their responses; a request that failed has none, and a stream's rows no request. */
export function inferenceEventsOf(logged: Logged): InferenceEvent[] {
  const { data, pipeline } = logged;
  const [answer] = data.arms;
  if (data.kind !== 'request') return [];
  return requestsOf(logged).flatMap(({ id, from, to }) => {
    const arm = answer?.arm ?? data.request?.failure?.arm ?? 'champion';
    const model = answer?.model ?? data.request?.failure?.model;
    const version = model === undefined ? {} : { model_version: String(model) };
    // Numbered as in the log: whoever gets a copy knows it by this.
    const headers = headersOf(logged, `${logged.source}@${data.at[from] ?? logged.sequence}`, arm, model);
    const request = { id, model_name: pipeline, ...version, inputs: tensorsOf(data.inputs, from, to) };
    const told = [{ headers: { ...headers, 'ce-type': requestType }, body: JSON.stringify(request) }];
    if (answer === undefined) return told;
    const response = { id, model_name: pipeline, ...version, outputs: tensorsOf(answer.outputs, from, to) };
    return [...told, { headers: { ...headers, 'ce-type': responseType }, body: JSON.stringify(response) }];
  });
}

function requestsOf({ data }: Logged): { id: string; from: number; to: number }[] {
  const { request, requests } = data;
  if (requests === undefined) return [{ id: request?.id ?? '', from: 0, to: data.ids.length }];
  let to = 0;
  return requests.ids.map((id, index) => {
    const from = to;
    to += requests.rows[index] ?? 0;
    return { id, from, to };
  });
}

function headersOf({ pipeline, time }: Logged, id: string, arm: string, model: number | undefined) {
  return {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': id,
    'ce-source': `relearn/serving/${pipeline}`,
    'ce-time': time,
    'ce-inferenceservicename': pipeline,
    'ce-namespace': 'default',
    'ce-component': 'predictor',
    'ce-endpoint': arm === 'challenger' ? 'canary' : 'default',
    ...(model === undefined ? {} : { 'ce-modelversion': String(model) }),
  };
}

/** Columns of the log as tensors: `x[0]`, `x[1]`, ... are one again. */
function tensorsOf(columns: Columns, from: number, to: number) {
  const grouped = new Map<string, (readonly Cell[])[]>();
  for (const [column, cells] of Object.entries(columns)) {
    const name = column.replace(/\[\d+\]$/, '');
    grouped.set(name, [...(grouped.get(name) ?? []), cells]);
  }
  return [...grouped].map(([name, parts]) => {
    const data: Cell[] = [];
    for (let row = from; row < to; row++) for (const cells of parts) data.push(cells[row] ?? null);
    return { name, shape: [to - from, parts.length], datatype: datatypeOf(data), data };
  });
}

/** The log tells values, not what they were kept in. */
function datatypeOf(data: readonly Cell[]): string {
  const known = data.find((cell) => cell !== null);
  return typeof known === 'string' ? 'BYTES' : typeof known === 'boolean' ? 'BOOL' : 'FP64';
}
