import { codeOf, filesOf, lineAt, type SourceTree } from './source-tree.js';

/** What is wrong, as `path:line: what`. */
export type Violation = string;

const sources = /^(libs|services|apps|tests|bench)\/.*\.(ts|mjs)$/;

/** Rooms that take time, chance, timers and settings through ports. Conformance suites are tests. */
const ruled = /^(libs|services)\/(?!kernel\/)[^/]+\/src\/(?!conformance\/)/;

/** A call and what to use in its place. */
const banned: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b/g, 'Clock.wall of the kernel'],
  [/\bnew Date\(\s*\)/g, 'Clock.wall of the kernel'],
  [/\bperformance\.now\b/g, 'Clock.now of the kernel'],
  [/\bMath\.random\b/g, 'Chance.next of the kernel'],
  [/\brandom(?:UUID|Bytes|Int)\b/g, 'Chance.id of the kernel'],
  [/\bset(?:Timeout|Interval)\b/g, 'Clock.sleep or Clock.after of the kernel'],
  [/\bsetImmediate\b/g, 'Clock.breathe of the kernel'],
  [/\bprocess\.env\b/g, 'configuration passed in by apps/platform'],
  [/\bprocess\.exit\b/g, 'an error: apps decide on exits'],
  [/\bconsole\.\w+/g, 'the log of telemetry'],
];

export function bannedCalls(tree: SourceTree): Violation[] {
  return [...filesOf(tree, ruled)].flatMap(([path, text]) => {
    if (!path.endsWith('.ts')) return [];
    const code = codeOf(text);
    return banned.flatMap(([call, instead]) =>
      [...code.matchAll(call)].map((match) => `${path}:${lineAt(code, match.index)}: ${match[0]}; use ${instead}`),
    );
  });
}

export const longestFile = 400;

export function longFiles(tree: SourceTree): Violation[] {
  return [...filesOf(tree, sources)].flatMap(([path, text]) => {
    const lines = text.split('\n').length - 1;
    return lines > longestFile ? [`${path}:${longestFile + 1}: ${lines} lines; ${longestFile} at most`] : [];
  });
}

const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|bench|config|d))?\.(ts|mjs)$/;
const grabBags = /^(utils?|helpers?|common|misc|shared|lib)$/;

export function badNames(tree: SourceTree): Violation[] {
  return [...filesOf(tree, sources)].flatMap(([path]) => {
    const parts = path.split('/');
    const name = parts.at(-1) ?? '';
    if (!kebab.test(name)) return [`${path}:1: the name is not kebab-case`];
    const words = [...parts.slice(1, -1), name.split('.')[0] ?? ''];
    return words
      .filter((word) => grabBags.test(word))
      .map((word) => `${path}:1: '${word}' says nothing of what is in it`);
  });
}

const silencers = /@ts-(?:ignore|nocheck|expect-error)|(?:eslint|oxlint)-disable|biome-ignore/g;
const leftovers = /\b(?:TODO|FIXME|XXX|HACK)\b/g;

/** Checks switched off in the source, and work left for later. */
export function silencedChecks(tree: SourceTree): Violation[] {
  return [...filesOf(tree, sources)].flatMap(([path, text]) => {
    if (path.startsWith('tests/architecture/')) return [];
    return [...text.matchAll(silencers), ...text.matchAll(leftovers)].map(
      (match) => `${path}:${lineAt(text, match.index)}: ${match[0]}`,
    );
  });
}
