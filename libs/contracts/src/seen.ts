import { RelearnError } from '@relearn/kernel';

/** By `topic/partition`: the position of the last input that an aggregate had handled. Together: a place in the order of its handling. */
export type Seen = Readonly<Record<string, number>>;

/** `control/3@17 monitoring/0@40`: what an own event of an aggregate carries as its attribute `seen`. */
export function encodeSeen(seen: Seen): string {
  return Object.keys(seen)
    .sort()
    .map((stream) => `${stream}@${seen[stream]}`)
    .join(' ');
}

/** Throws INVALID_EVENT for what `encodeSeen` does not write. */
export function decodeSeen(text: string): Seen {
  const entries = text === '' ? [] : text.split(' ');
  return Object.fromEntries(
    entries.map((entry): [string, number] => {
      const [stream = '', position = ''] = entry.split('@');
      if (stream === '' || !/^\d+$/.test(position)) {
        throw new RelearnError('INVALID_EVENT', `'${text}' is no list of topic/partition@position`);
      }
      return [stream, Number(position)];
    }),
  );
}
