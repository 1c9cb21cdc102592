import { performanceReported } from '@relearn/contracts';
import { publishClock } from '@relearn/ingestion';
import { type Ports, setBusinessNow } from '@relearn/runtime';
import { eventsOf } from '../e2e/log.js';
import { day, firstDay } from '../e2e/tables.js';
import { post } from '../e2e/wire.js';
import { eventually } from '../e2e/world.js';
import type { Input, Step } from './input.js';

/** A platform that works on the input. */
export interface Target {
  /** The whole HTTP surface. */
  readonly url: string;
  readonly ports: Ports;
}

/** No test waits for business time: it stands still after all that is sent. */
const businessTime = firstDay + 30 * day;
const patience = { timeoutMs: 300_000, everyMs: 100 };

/** A producer of one pipeline, which sends a step after the other and keeps what has been acknowledged. */
export class Producer {
  /** Stream and id of each record, once however often it was sent. */
  readonly acknowledged = new Set<string>();
  readonly input: Input;
  private readonly target: Target;

  constructor(target: Target, input: Input) {
    this.target = target;
    this.input = input;
  }

  /** Makes the pipeline, its business time no clock's. */
  async apply(): Promise<void> {
    const { ports, url } = this.target;
    const { name, file } = this.input;
    await setBusinessNow(ports, name, businessTime);
    const { status, body } = await post(`${url}/api/v1/pipelines`, { name: `${name}.yaml`, file });
    if (status !== 200) throw new Error(`${name} is not applied: ${JSON.stringify(body)}`);
    await ports.catalog.known(name, 1);
  }

  /** Sends rows, labels, and that the time has passed, each when the one before is in the log. */
  async send(steps: readonly Step[]): Promise<void> {
    for (const { rows, labels, until } of steps) {
      await this.deliver('rows', `events/${this.input.name}`, rows);
      await this.deliver('labels', `labels/${this.input.name}`, labels);
      await publishClock(this.target.ports, this.input.name, until);
    }
  }

  /** Until the last window of the steps has been reported on. */
  async reported(steps: readonly Step[]): Promise<void> {
    const { bus } = this.target.ports;
    const { name } = this.input;
    const last = Math.max(...steps.filter(({ rows }) => rows.length > 0).map(({ until }) => until));
    await eventually(
      `the last report on ${name}`,
      async () =>
        (await eventsOf(bus, 'monitoring')).some(
          (event) => event.pipeline === name && performanceReported.is(event) && event.data.end === last,
        ),
      patience,
    );
  }

  /** Until the instance of serving answers with the first model. */
  async served(serving: string): Promise<void> {
    const ready = `${serving}/v2/models/${this.input.name}/ready`;
    await eventually(ready, async () => (await fetch(ready)).status === 200, patience);
  }

  /** Again until it is acknowledged. */
  private async deliver(stream: string, path: string, records: readonly object[]): Promise<void> {
    if (records.length === 0) return;
    const ids = await eventually(
      `${path} to be acknowledged`,
      async () => {
        const { status, body } = await post(`${this.target.url}/v1/${path}`, records);
        return status === 202 && (body as { readonly ids: readonly string[] }).ids;
      },
      patience,
    );
    if (ids.length < records.length) throw new Error(`${path} acknowledged ${ids.length} of ${records.length} records`);
    for (const id of ids) this.acknowledged.add(`${stream} ${id}`);
  }
}
