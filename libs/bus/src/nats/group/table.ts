import type { Json } from '@relearn/store';
import { balance } from '../../core/balance.js';

/** One document a group: who is in it, and whose each partition is. Every change of it is one compare-and-set. */
export interface GroupTable {
  readonly topics: readonly string[];
  /** The greatest epoch of an owner so far: each taking of a partition gets a greater one. */
  readonly epoch: number;
  /** In the order in which they joined. */
  readonly members: readonly TableMember[];
  /** For each partition number; a former owner stays until its drain has ended. */
  readonly owners: readonly (Ownership | null)[];
}

export interface TableMember {
  readonly id: string;
  /** Moves while the member lives. */
  readonly beat: number;
  /** It drains and gets nothing any more. */
  readonly leaving: boolean;
}

export interface Ownership {
  readonly member: string;
  readonly epoch: number;
}

/** `epoch`: above all that were ever given, also by a table that was deleted. */
export function emptyTable(topics: readonly string[], partitions: number, epoch: number): GroupTable {
  return { topics, epoch, members: [], owners: Array.from({ length: partitions }, () => null) };
}

/** The table with a sign of life of the member, who joins if it is not in it. */
export function beaten(table: GroupTable, id: string, leaving: boolean): GroupTable {
  const known = table.members.some((member) => member.id === id);
  const members = known
    ? table.members.map((member) => (member.id === id ? { id, beat: member.beat + 1, leaving } : member))
    : [...table.members, { id, beat: 1, leaving }];
  return { ...table, members };
}

/** The members are gone, and what was theirs is free. */
export function without(table: GroupTable, ids: readonly string[]): GroupTable {
  if (ids.length === 0) return table;
  return {
    ...table,
    members: table.members.filter(({ id }) => !ids.includes(id)),
    owners: table.owners.map((owner) => (owner !== null && ids.includes(owner.member) ? null : owner)),
  };
}

/** The partitions that are the member's under these epochs are free. */
export function released(table: GroupTable, id: string, epochs: ReadonlyMap<number, number>): GroupTable {
  const owners = table.owners.map((owner, partition) =>
    owner !== null && owner.member === id && owner.epoch === epochs.get(partition) ? null : owner,
  );
  return { ...table, owners };
}

/** Whose each partition should be; everybody finds the same. */
export function targets({ owners, members }: GroupTable): (string | null)[] {
  const staying = members.flatMap(({ id, leaving }) => (leaving ? [] : [id]));
  return balance(
    owners.map((owner) => owner?.member ?? null),
    staying,
  );
}

/** The member takes what is free and should be its own, but for what `except` says; above `floor`. */
export function taken(
  table: GroupTable,
  id: string,
  except: (partition: number) => boolean,
  floor: number,
): GroupTable {
  const wanted = targets(table);
  let epoch = Math.max(table.epoch, floor);
  const owners = table.owners.map((owner, partition) => {
    if (owner !== null || wanted[partition] !== id || except(partition)) return owner;
    epoch += 1;
    return { member: id, epoch };
  });
  return {
    ...table,
    owners,
    epoch: owners.some((owner, index) => owner !== table.owners[index]) ? epoch : table.epoch,
  };
}

/** Whether more than signs of life differ. */
export function differ(before: GroupTable, after: GroupTable): boolean {
  const shape = ({ topics, members, owners }: GroupTable) =>
    JSON.stringify([topics, members.map(({ id, leaving }) => [id, leaving]), owners]);
  return shape(before) !== shape(after);
}

export function encodeTable(table: GroupTable): Json {
  return table as unknown as Json;
}

export function decodeTable(body: Json): GroupTable {
  return body as unknown as GroupTable;
}
