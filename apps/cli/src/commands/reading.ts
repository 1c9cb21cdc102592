import type { EventPage, Model, PipelineState, PlainModel, Quarantined, Status } from '../answers.js';
import type { Action } from '../command.js';
import { type Client, readingClient } from '../client.js';
import { type ExitCode, exitCodes } from '../exit.js';
import { styler, table } from '../terminal.js';
import { ago, count, figure, stamp } from '../words.js';

export async function reading<T>(action: Action, read: (client: Client) => Promise<T>): Promise<T> {
  const client = await readingClient(action.terminal);
  try {
    return await read(client);
  } finally {
    await client.close();
  }
}

/** Pipelines, what serves them and what runs. */
export function status(action: Action): Promise<void> {
  const style = styler(action.terminal.out, action.terminal.env);
  return reading(action, async (client) => {
    const now = await client.get<Status>('/status');
    const states = await Promise.all(
      now.pipelines.map(({ name }) => client.get<PipelineState>(`/pipelines/${encodeURIComponent(name)}`)),
    );
    const rows = states.map((state) => [
      style('bold', state.name),
      String(state.version),
      state.champion === null
        ? 'no model yet'
        : style('green', `model ${state.champion}${state.pinned ? ', pinned' : ''}`),
      state.turn === null
        ? '–'
        : style(
            'cyan',
            `${state.turn.id} (${state.turn.reason}): ${state.turn.stage} ${ago(Date.now() - state.turn.since.wall)}`,
          ),
      count(state.conservation.received),
      count(state.conservation.quarantined),
      count(state.conservation.pending),
      state.now === null ? '–' : stamp(state.now),
    ]);
    const replays = now.replays.map(({ pipeline, state, done, total, speed, detail }) => {
      const share = `${Math.floor((100 * done) / Math.max(1, total))} % of ${count(total)} records, ${count(Math.round(speed))} times as fast as the clock`;
      return `replay of ${pipeline}: ${state}, ${share}${detail === '' ? '' : `; ${detail}`}`;
    });
    const rollouts = states.flatMap(({ name, rollout }) => (rollout === null ? [] : [rolloutLine(name, rollout)]));
    const plain = await plainModels(client, undefined);
    const head = `Relearn ${now.version}, ${client.from}: ${now.behind} records wait, ${now.jobs} jobs run`;
    const headers = [
      'pipeline',
      '>version',
      'serves',
      'turn',
      '>received',
      '>quarantined',
      '>pending',
      'business time',
    ];
    const body = rows.length === 0 ? 'No pipeline has been applied: relearn apply FILE' : table(headers, rows, style);
    action.print(
      { ...now, pipelines: states, plain },
      [head, body, ...rollouts, ...replays, ...plain.map(plainLine)].join('\n'),
    );
  });
}

function rolloutLine(name: string, rollout: NonNullable<PipelineState['rollout']>): string {
  const { model, strategy, step, steps, share, requests, rows } = rollout;
  const how =
    strategy === 'shadow'
      ? 'as a shadow'
      : `as a canary, step ${step + 1} of ${steps} (${Math.round(1000 * share) / 10} % of the requests)`;
  return `rollout of ${name}: model ${model} is tried ${how}; judged on ${count(requests)} requests and ${count(rows)} rows`;
}

/** Model versions of one name, or of all: of pipelines, and of models that no pipeline owns. */
export function models(action: Action, [pipeline]: readonly string[]): Promise<void> {
  const style = styler(action.terminal.out, action.terminal.env);
  return reading(action, async (client) => {
    const { pipelines } = await client.get<Pick<Status, 'pipelines'>>('/pipelines');
    const plain = await plainModels(client, pipeline);
    const ofPipeline = pipeline === undefined || plain.length > 0 ? [] : [pipeline];
    const names = pipeline === undefined ? pipelines.map(({ name }) => name) : ofPipeline;
    const metrics = new Map(pipelines.map(({ name, metric }) => [name, metric]));
    const all: (Model & { pipeline: string })[] = [];
    for (const name of names) {
      const answer = await client.get<{ models: Model[] }>(`/pipelines/${encodeURIComponent(name)}/models`);
      all.push(...answer.models.map((model) => ({ pipeline: name, ...model })));
    }
    for (const { name, versions } of plain) all.push(...versions.map((model) => ({ pipeline: name, ...model })));
    const rows = all.map((model) => [
      model.pipeline,
      model.champion ? style('green', String(model.model)) : String(model.model),
      model.champion ? style('green', model.frozen ? 'serves, frozen' : 'serves') : model.frozen ? 'frozen' : '',
      model.verdict === 'passed' ? model.verdict : style('yellow', model.verdict),
      model.turn === ''
        ? '–'
        : `${metrics.get(model.pipeline) ?? ''} ${figure(model.metrics[metrics.get(model.pipeline) ?? ''] ?? null)}`,
      model.promoted === null ? '–' : stamp(model.promoted.business),
      model.turn === '' ? 'by hand' : model.turn,
      model.bundle.slice(0, 12),
    ]);
    const headers = ['pipeline', '>model', 'state', 'verdict', 'hold-out', 'promoted', 'turn', 'bundle'];
    action.print(
      { models: all },
      rows.length === 0 ? 'No model has been registered yet.' : table(headers, rows, style),
    );
  });
}

/** Models that no pipeline owns: all, or the one of the name. */
async function plainModels(client: Client, name: string | undefined): Promise<readonly PlainModel[]> {
  const { models: all } = await client.get<{ models: readonly PlainModel[] }>('/models');
  return name === undefined ? all : all.filter((model) => model.name === name);
}

function plainLine({ name, champion, pinned, versions }: PlainModel): string {
  const serves =
    champion === null
      ? 'answers requests that name a version'
      : `version ${champion} serves${pinned ? ', pinned' : ''}`;
  return `model ${name}, registered by hand: ${serves}; ${versions.length === 1 ? '1 version' : `${versions.length} versions`}`;
}

export interface EventsOptions {
  readonly topic?: string;
  readonly pipeline?: string;
  readonly from?: string;
  readonly limit?: string;
}

/** Events of a topic, a line each. */
export function events(action: Action, _args: readonly string[], options: EventsOptions): Promise<void> {
  const style = styler(action.terminal.out, action.terminal.env);
  return reading(action, async (client) => {
    const page = await client.get<EventPage>(`/events${queryOf({ ...options })}`);
    const lines = page.events.map((event) => {
      const [service = ''] = event.source.split('/');
      const name = event.type.replace(/^relearn\.(.*)\.v\d+$/, '$1');
      const because = event.causationid === undefined ? '' : style('dim', `  because of ${event.causationid}`);
      const line = `${style('dim', event.time.slice(0, 19))}  ${service.padEnd(10)}  ${style('bold', name.padEnd(22))}  ${event.pipeline}${event.subject === undefined ? '' : `  ${event.subject}`}${because}`;
      const reasons = name === 'data.quarantined' ? quarantineLines(event.data.records ?? []) : [];
      return [line, ...reasons].join('\n');
    });
    action.print(page, lines.length === 0 ? 'No event.' : lines.join('\n'));
  });
}

/** A line a reason: which record, which column, what is wrong. */
function quarantineLines(records: readonly Quarantined[]): string[] {
  return records.flatMap(({ id, reasons }) =>
    reasons.map(({ code, column, message }) => `    ${id}  ${column === '' ? '' : `${column}: `}${message} (${code})`),
  );
}

/** Folds the whole log and checks the invariants. */
export function audit(action: Action): Promise<ExitCode> {
  const style = styler(action.terminal.out, action.terminal.env);
  return reading(action, async (client) => {
    const report = await client.get<{ events: number; violations: { invariant: string; message: string }[] }>('/audit');
    const { violations } = report;
    const told = violations.map(({ invariant, message }) => `${style('red', invariant)}: ${message}`);
    const sum =
      violations.length === 0 ? style('green', 'no violation') : style('red', `${violations.length} violations`);
    action.print(report, [...told, `${count(report.events)} events, ${sum}`].join('\n'));
    return violations.length === 0 ? exitCodes.done : exitCodes.failed;
  });
}

export function queryOf(parameters: Readonly<Record<string, string | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value === 'string') query.set(name, value);
  }
  return query.size === 0 ? '' : `?${query.toString()}`;
}
