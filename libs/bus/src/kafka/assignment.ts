import { balance } from '../core/balance.js';

/** What a member says of itself when it joins. */
export interface MemberClaim {
  readonly memberId: string;
  /** The partition numbers that it works on, those among them that it is draining too. */
  readonly owned: readonly number[];
  /** It only waits for its drains: it gets nothing more. */
  readonly leaving: boolean;
}

/**
 * Which partition numbers each member has from now on. A partition that has to move is nobody's until its owner, who is told by
 * what it does not get, has drained it and joins again without it: so the others go on meanwhile.
 */
export function assign(claims: readonly MemberClaim[], partitions: number): Map<string, number[]> {
  const members = [...claims].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const owners: (string | null)[] = new Array<string | null>(partitions).fill(null);
  for (const { memberId, owned } of members) {
    for (const partition of owned) if (partition < partitions) owners[partition] ??= memberId;
  }
  const staying = members.filter(({ leaving }) => !leaving).map(({ memberId }) => memberId);
  const wanted = balance(owners, staying);
  const assigned = new Map<string, number[]>(members.map(({ memberId }) => [memberId, []]));
  for (const [partition, heir] of wanted.entries()) {
    const owner = owners[partition] ?? null;
    if (heir !== null && (owner === null || owner === heir)) assigned.get(heir)?.push(partition);
  }
  return assigned;
}
