import type { DataOf, PipelineSpec, predictionLogged, RecordRef, windowProfiled } from '@relearn/contracts';
import { labelStream, rowStream } from '@relearn/contracts';

/** What the log says of labels: which rows have one that came in time, and which of these were predicted. */
export class LabelJoins {
  private readonly watermarks = new Map<number, number>();
  private readonly rows = new Map<string, number>();
  /** By id of the row: where its label stands, and the watermark at which it came. */
  private readonly labels = new Map<string, { readonly partition: number; readonly watermark: number }>();
  private readonly predicted = new Set<string>();
  private readonly counted = new Map<string, number>();

  takeValid(partition: number, record: RecordRef): void {
    const watermark = this.watermarks.get(partition) ?? Number.NEGATIVE_INFINITY;
    if (record.stream === rowStream) this.rows.set(record.id, record.time);
    const labelled = record.section.columns['event_id']?.[record.row];
    if (record.stream === labelStream) this.labels.set(String(labelled), { partition, watermark });
    this.watermarks.set(partition, Math.max(watermark, record.time));
  }

  takePredictions({ ids }: DataOf<typeof predictionLogged>, from: number): void {
    for (const id of ids.slice(from)) this.predicted.add(id ?? '');
  }

  takeWindow({ part, shard, start, labelled }: DataOf<typeof windowProfiled>): void {
    if (part === 'outcomes') this.counted.set(`${shard}/${start}`, labelled);
  }

  /** Windows that count other labels than those of predicted rows that came before the window's outcomes were due. */
  wrong({ monitor, label }: PipelineSpec): string[] {
    const expected = new Map<string, number>();
    for (const [id, { partition, watermark }] of this.labels) {
      const start = Math.floor((this.rows.get(id) ?? 0) / monitor.window) * monitor.window;
      if (!this.predicted.has(id) || watermark >= start + monitor.window + label.max_delay) continue;
      const key = `${partition}/${start}`;
      expected.set(key, (expected.get(key) ?? 0) + 1);
    }
    return [...new Set([...expected.keys(), ...this.counted.keys()])].flatMap((key) => {
      const [is, was] = [this.counted.get(key) ?? 0, expected.get(key) ?? 0];
      return is === was ? [] : [`window ${key} counts ${is} labels of predicted rows instead of ${was}`];
    });
  }
}
