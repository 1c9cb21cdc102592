import { type DataOf, type LoggedEvent, modelPromoted, modelRolledBack } from '@relearn/contracts';

export type Move = LoggedEvent<DataOf<typeof modelPromoted>> | LoggedEvent<DataOf<typeof modelRolledBack>>;

/** The event as a move of the champion alias; null when it is none. */
export function moveOf(event: LoggedEvent): Move | null {
  return modelPromoted.is(event) || modelRolledBack.is(event) ? event : null;
}
