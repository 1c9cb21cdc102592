import { clockCollection, foldPart, type Ports, type RunningService, sendBack } from '@relearn/runtime';
import { clockPart } from './handlers/clock-part.js';
import { createDoor, type Door, type DoorOptions } from './handlers/door.js';
import { type IngestionHandlers, ingestionHandlers } from './rpc/publish.js';

export interface IngestionOptions extends DoorOptions {
  /** Write clock markers for live pipelines; not wanted where all data is replayed. Default true. */
  readonly liveClock?: boolean;
}

/** Ingestion: what producers send goes to `data.raw` in the pipelines' order; dead letters go back where they came from. */
export function createIngestion(
  ports: Ports,
  { liveClock = true, ...bounds }: IngestionOptions = {},
): RunningService & { readonly door: Door; readonly rpc: IngestionHandlers } {
  const door = createDoor(ports, bounds);
  const fold = sendBack();
  return {
    manifest: {
      name: 'ingestion',
      consumes: ['control', 'dead-letters'],
      produces: ['data.raw', 'data.valid', 'features', 'predictions'],
      collections: [{ name: clockCollection }],
    },
    parts: [...(liveClock ? [clockPart(ports)] : []), foldPart(ports, fold)],
    folds: [fold],
    door,
    rpc: ingestionHandlers(door),
  };
}
