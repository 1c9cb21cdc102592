import { canonicalJson } from '@relearn/kernel';
import { type Room, rooms, specifiers } from './rooms.js';
import { codeOf, filesOf, lineAt, packageFolders, type SourceTree } from './source-tree.js';
import type { Violation } from './tidy-sources.js';

interface Manifest {
  readonly name?: string;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface CompilerSettings {
  readonly references?: readonly { readonly path: string }[];
}

function manifestAt(tree: SourceTree, folder: string): Manifest {
  return JSON.parse(tree.get(folder === '' ? 'package.json' : `${folder}/package.json`) ?? '{}');
}

function referencesAt(tree: SourceTree, path: string): string[] {
  const settings: CompilerSettings = JSON.parse(tree.get(path) ?? '{}');
  return (settings.references ?? []).map((reference) => reference.path.replace(/^(\.\.\/)+/, ''));
}

const exact = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

export function loosePins(tree: SourceTree): Violation[] {
  return [...filesOf(tree, /(^|\/)package\.json$/)].flatMap(([path, text]) => {
    const { dependencies, devDependencies, optionalDependencies }: Manifest = JSON.parse(text);
    return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
      .filter(([, version]) => !exact.test(version))
      .map(([name, version]) => `${path}:1: ${name} '${version}' is not an exact version`);
  });
}

const own = '@relearn/';
const ownOf = (manifest: Manifest) => Object.keys(manifest.dependencies ?? {}).filter((name) => name.startsWith(own));

/** Where a package's references are not its dependencies, or the root's and the tests' not every package and program. */
export function wrongReferences(tree: SourceTree): Violation[] {
  const folders = packageFolders(tree);
  const folderOf = new Map(folders.map((folder) => [manifestAt(tree, folder).name, folder]));
  const ofPackages = folders.flatMap((folder) => {
    const wanted = ownOf(manifestAt(tree, folder)).map((name) => folderOf.get(name) ?? name);
    return differences(`${folder}/tsconfig.json`, wanted, referencesAt(tree, `${folder}/tsconfig.json`));
  });
  const ofTests = differences('tests/tsconfig.json', folders, referencesAt(tree, 'tests/tsconfig.json'));
  const programs = [...filesOf(tree, /^tests\/[^/]+\/tsconfig\.json$/)].map(([path]) => path.replace(/\/[^/]+$/, ''));
  const ofRoot = differences('tsconfig.json', [...folders, 'tests', ...programs], referencesAt(tree, 'tsconfig.json'));
  return [...ofPackages, ...ofTests, ...ofRoot];
}

function differences(path: string, wanted: readonly string[], given: readonly string[]): Violation[] {
  const missing = wanted.filter((name) => !given.includes(name)).map((name) => `${path}:1: no reference to ${name}`);
  const surplus = given
    .filter((name) => !wanted.includes(name))
    .map((name) => `${path}:1: a reference to ${name} too many`);
  return [...missing, ...surplus];
}

const imports = /\b(?:from|import)\s*\(?\s*'([@\w][\w@/:.-]*)'/g;

/** Imports of packages that the manifest does not name: they resolve by luck of hoisting. */
export function undeclaredImports(tree: SourceTree): Violation[] {
  const root = Object.keys(manifestAt(tree, '').devDependencies ?? {});
  return packageFolders(tree).flatMap((folder) => {
    const { name, dependencies, devDependencies } = manifestAt(tree, folder);
    const declared = new Set([...Object.keys({ ...dependencies, ...devDependencies })]);
    const ofTests = new Set([...declared, ...root, name]);
    return [...filesOf(tree, new RegExp(`^${folder}/.*\\.ts$`))].flatMap(([path, text]) => {
      const isTest = /\/(test|conformance)\//.test(path);
      return importedPackages(text)
        .filter(([imported]) =>
          isTest ? !ofTests.has(imported) && !imported.startsWith(own) : !declared.has(imported),
        )
        .map(([imported, line]) => `${path}:${line}: ${imported} is not in ${folder}/package.json`);
    });
  });
}

function importedPackages(text: string): (readonly [name: string, line: number])[] {
  const code = codeOf(text);
  return [...text.matchAll(imports)]
    .filter((match) => code[match.index] !== ' ')
    .map((match) => [match[1] ?? '', lineAt(text, match.index)] as const)
    .filter(([module]) => !module.startsWith('node:'))
    .map(
      ([module, line]) =>
        [
          module
            .split('/')
            .slice(0, module.startsWith('@') ? 2 : 1)
            .join('/'),
          line,
        ] as const,
    );
}

/** Dependencies that no room of the package may import, by the table of rooms. */
export function forbiddenDependencies(tree: SourceTree): Violation[] {
  return packageFolders(tree).flatMap((folder) => {
    const mine = rooms.filter((room) => room.files.some((glob) => glob.startsWith(`${folder}/`)));
    const open = new Set(mine.flatMap(openTo));
    return Object.keys(manifestAt(tree, folder).dependencies ?? {})
      .filter((name) => !open.has(name))
      .map((name) => `${folder}/package.json:1: no room of ${folder} may import ${name}`);
  });
}

function openTo(room: Room): string[] {
  const ours = [...room.ours, ...(room.typesOf ?? [])].map((name) => `${own}${name.split('/')[0]}`);
  return [...ours, ...(room.npm ?? [])];
}

/** The exports of all packages against the names that the table of rooms knows. */
export function unknownExports(tree: SourceTree): Violation[] {
  const known: ReadonlySet<string> = new Set(specifiers);
  const given = packageFolders(tree).flatMap((folder) => {
    const { name = '', exports = {} } = manifestAt(tree, folder);
    return Object.keys(exports).map((subpath) => `${name.slice(own.length)}${subpath.slice(1)}`);
  });
  const table = 'tests/architecture/rooms.ts:1';
  return [
    ...given.filter((name) => !known.has(name)).map((name) => `${table}: ${own}${name} is in no room`),
    ...[...known].filter((name) => !given.includes(name)).map((name) => `${table}: ${own}${name} does not exist`),
  ];
}

interface Lock {
  readonly packages: Readonly<Record<string, LockEntry>>;
}

interface LockEntry extends Manifest {
  readonly optional?: boolean;
}

/**
 * Where the lock file does not say what the manifests say, or lacks a package that one of its packages names, such as
 * the binaries for another platform: `npm ci` refuses such a file.
 */
export function lockGaps(tree: SourceTree): Violation[] {
  const { packages }: Lock = JSON.parse(tree.get('package-lock.json') ?? '{"packages":{}}');
  const stale = ['', ...packageFolders(tree)].filter((folder) => {
    const manifest = manifestAt(tree, folder);
    return wanted(manifest) !== wanted(packages[folder] ?? {});
  });
  const lacking = Object.entries(packages).flatMap(([path, entry]) =>
    Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
      .filter((name) => !resolves(packages, path, name))
      .map((name) => `package-lock.json:1: ${name}, named by ${path}, is missing`),
  );
  return [
    ...stale.map((folder) => `package-lock.json:1: not what ${folder}/package.json says; run npm install`),
    ...lacking,
  ];
}

function wanted(manifest: Manifest): string {
  return canonicalJson([manifest.dependencies ?? {}, manifest.devDependencies ?? {}]);
}

/** Node's way up: the folder's own node_modules, then those of the folders above. */
function resolves(packages: Lock['packages'], from: string, name: string): boolean {
  const folders = from.split('/');
  return folders.concat('').some((_part, up) => {
    const folder = folders.slice(0, folders.length - up).join('/');
    return packages[`${folder === '' ? '' : `${folder}/`}node_modules/${name}`] !== undefined;
  });
}
