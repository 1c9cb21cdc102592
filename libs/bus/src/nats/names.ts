import { RelearnError } from '@relearn/kernel';

/** The server's own limit: a stream's name is a folder's name. */
const longestName = 255;

/** The subject of a partition. An empty token, which the server refuses, is written `~`: no topic's name holds one. */
export function subjectOf(prefix: string, topic: string, partition: number): string {
  const tokens = topic.split('.').map((token) => (token === '' ? '~' : token));
  return `${prefix}.${tokens.join('.')}.${partition}`;
}

/** The stream of a partition: its subject without dots, which a stream's name may not hold. */
export function streamOf(subject: string): string {
  const name = subject.replaceAll('.', '~');
  if (name.length <= longestName) return name;
  throw new RelearnError('INVALID_INPUT', `the stream name ${name} has ${name.length} characters`, {
    remedy: `Prefix and topic may have ${longestName - 6} characters together.`,
  });
}

/** Where the members of a group tell each other that something has changed. */
export function groupSubject(prefix: string, group: string): string {
  return `${prefix}.~groups.${Buffer.from(group).toString('hex')}`;
}
