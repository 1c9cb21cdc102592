import { RelearnError } from '@relearn/kernel';
import type { ServedModel } from '../inference/catalogue.js';
import type { ModelHost } from '../inference/model-host.js';
import type { CallScope, DataPlane } from '../inference/oip/data-plane.js';
import type { InferRequest } from '../inference/oip/request.js';
import { type Cell, columnsOf, columnTensor } from '../inference/values.js';

export type Cells = Readonly<Record<string, Cell>>;

/** Where the features of a row come from: times as ISO 8601 UTC, empty where there is none. */
export interface Freshness {
  readonly eventId: string;
  readonly time: string;
  readonly asOf: string;
}

/** The features of an entity's last row; `freshness` null: it has none. */
export interface OnlineRow {
  readonly features: Cells;
  readonly freshness: Freshness | null;
}

/** Reads the online features of an entity by its key values. Throws INVALID_INPUT for missing keys, NOT_FOUND, UNAVAILABLE. */
export type ReadOnline = (pipeline: string, entity: Cells, scope: CallScope) => Promise<OnlineRow>;

export interface RowToPredict {
  readonly entity: Cells;
  readonly columns: Cells;
  /** Empty: none. */
  readonly eventId: string;
}

export interface Prediction {
  readonly version: string;
  readonly arm: 'champion' | 'challenger';
  readonly rows: readonly { readonly outputs: Cells; readonly freshness: Freshness | null }[];
}

export interface PredictOrder {
  readonly pipeline: string;
  readonly version: string;
  readonly id: string;
  readonly rows: readonly RowToPredict[];
}

interface FilledRow {
  readonly values: Cells;
  readonly freshness: Freshness | null;
}

/** Predicts rows that are named by their entity, by columns, or by both. */
export class Predictor {
  private readonly host: ModelHost;
  private readonly plane: DataPlane;
  private readonly readOnline: ReadOnline;

  constructor(host: ModelHost, plane: DataPlane, readOnline: ReadOnline) {
    this.host = host;
    this.plane = plane;
    this.readOnline = readOnline;
  }

  /** Throws what the online features throw, what the protocol's `infer` throws, INVALID_INPUT naming row and column. */
  async predict({ pipeline, version, id, rows }: PredictOrder, scope: CallScope): Promise<Prediction> {
    const most = this.host.maxRequestRows;
    if (rows.length === 0 || rows.length > most) {
      throw new RelearnError('INVALID_INPUT', `${rows.length} rows: give 1 to ${most}`);
    }
    const model = this.host.resolve(pipeline, version);
    const filled = await this.fill(model, rows, scope);
    const response = await this.plane.infer(requestOf(model, { version, id, rows, filled }), scope);
    const answered = response.model.version;
    const isChallenger = this.host.challengerOf(pipeline)?.model === Number(answered);
    const outputs = columnsOf(response.outputs);
    return {
      version: answered,
      arm: response.arm ?? (isChallenger ? 'challenger' : 'champion'),
      rows: filled.map(({ freshness }, row) => ({
        outputs: Object.fromEntries(Object.entries(outputs).map(([name, cells]) => [name, cells[row] ?? null])),
        freshness,
      })),
    };
  }

  /** Every row with a value for each input of the model. An entity is read once, however many rows name it. */
  private fill(model: ServedModel, rows: readonly RowToPredict[], scope: CallScope): Promise<FilledRow[]> {
    const read = new Map<string, Promise<OnlineRow>>();
    const onlineOf = (entity: Cells): Promise<OnlineRow> => {
      const key = JSON.stringify(Object.entries(entity).sort(([a], [b]) => (a < b ? -1 : 1)));
      const known = read.get(key) ?? this.readOnline(model.name, entity, scope);
      read.set(key, known);
      return known;
    };
    return Promise.all(
      rows.map(async ({ entity, columns }, row) => {
        const unknown = Object.keys(columns).find((name) => !model.inputAt.has(name));
        if (unknown !== undefined) throw noInput(model, unknown, row);
        const isGiven = model.signature.inputs.every(({ name }) => Object.hasOwn(columns, name));
        if (isGiven || Object.keys(entity).length === 0) {
          return complete(model, row, { values: columns, freshness: null });
        }
        const { features, freshness } = await onlineOf(entity);
        return complete(model, row, { values: { ...features, ...columns }, freshness }, entity);
      }),
    );
  }
}

/** Throws NOT_FOUND for an entity without a row, INVALID_INPUT, for the first input that has no value. */
function complete(model: ServedModel, row: number, filled: FilledRow, entity?: Cells): FilledRow {
  const missing = model.signature.inputs.find(({ name }) => !Object.hasOwn(filled.values, name));
  if (missing === undefined) return filled;
  const what = `row ${row}: column '${missing.name}' of model '${model.name}'`;
  if (entity !== undefined && filled.freshness === null) {
    throw new RelearnError('NOT_FOUND', `${what} is not given, and the entity ${JSON.stringify(entity)} has no row`, {
      remedy: 'Send a row of the entity first, or give all columns.',
    });
  }
  throw new RelearnError('INVALID_INPUT', `${what} is missing`, {
    remedy: 'Give it among the columns, or give the entity by its key columns.',
  });
}

function noInput(model: ServedModel, name: string, row: number): RelearnError {
  const inputs = model.signature.inputs.map((input) => input.name).join(', ');
  return new RelearnError('INVALID_INPUT', `row ${row}: '${name}' is no input of model '${model.name}'`, {
    remedy: `Its inputs are ${inputs}.`,
  });
}

function requestOf(
  model: ServedModel,
  {
    version,
    id,
    rows,
    filled,
  }: Pick<PredictOrder, 'version' | 'id' | 'rows'> & { readonly filled: readonly FilledRow[] },
): InferRequest {
  const inputs = model.signature.inputs.map((spec) => {
    const cells = filled.map(({ values }) => values[spec.name] ?? null);
    const { shape, bytes } = columnTensor(spec, cells, 0, cells.length);
    return { name: spec.name, datatype: spec.datatype, shape, data: { kind: 'raw', bytes } as const };
  });
  return {
    modelName: model.name,
    modelVersion: version,
    id,
    parameters: { event_ids: JSON.stringify(rows.map(({ eventId }) => (eventId === '' ? null : eventId))) },
    inputs,
    outputs: [],
    bothKinds: undefined,
    surplusRaw: false,
  };
}
