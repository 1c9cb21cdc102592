/**
 * Shares partitions among members so that counts differ by one at most and as few as possible move.
 * `owners[p]` is the present owner of partition p, or null. Members are in the order in which they joined.
 */
export function balance<M>(owners: readonly (M | null)[], members: readonly M[]): (M | null)[] {
  if (members.length === 0) return owners.map(() => null);
  const held = new Map<M, number>(members.map((member) => [member, 0]));
  for (const owner of owners) if (owner !== null && held.has(owner)) held.set(owner, (held.get(owner) ?? 0) + 1);
  const least = Math.floor(owners.length / members.length);
  const withOneMore = owners.length % members.length;
  const byHeld = [...members].sort((a, b) => (held.get(b) ?? 0) - (held.get(a) ?? 0));
  const room = new Map<M, number>(byHeld.map((member, rank) => [member, least + (rank < withOneMore ? 1 : 0)]));
  const take = (member: M): M | null => {
    const left = room.get(member) ?? 0;
    if (left === 0) return null;
    room.set(member, left - 1);
    return member;
  };
  const kept = owners.map((owner) => (owner === null ? null : take(owner)));
  return kept.map((owner) => owner ?? firstWithRoom(members, take));
}

function firstWithRoom<M>(members: readonly M[], take: (member: M) => M | null): M | null {
  for (const member of members) {
    const taken = take(member);
    if (taken !== null) return taken;
  }
  return null;
}
