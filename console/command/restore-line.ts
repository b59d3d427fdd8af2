import { IDENTITY } from '../../backup-set/messages/identity-place.ts';
import { shellWord } from '../../backup-set/messages/shell-word.ts';

/** A root, as the overview names it: 0 is that of the configuration. */
export interface NamedRoot {
  readonly id: number;
  readonly url: string;
  readonly endpoint?: string;
}

/** What the page knows of a restore that was clicked together. */
export interface RestoreChoice {
  readonly set: string;
  readonly root: NamedRoot;
  readonly mode: 'fill' | 'create' | 'truncate';
  readonly database?: string | undefined;
  readonly tables: readonly { readonly schema: string; readonly name: string }[];
  readonly parts: 'all' | 'data-only' | 'schema-only';
  /** Flags without a value, such as `--no-owner`. */
  readonly flags: readonly string[];
  readonly workers?: number | undefined;
  /** The set: its restore needs an identity. */
  readonly encrypted: boolean;
  readonly dryRun: boolean;
}

/** The words of `stowage restore …`. */
export function restoreWords(choice: RestoreChoice): string[] {
  const { set, root, mode, database, tables, parts, flags, workers, encrypted, dryRun } = choice;
  return [
    'stowage',
    'restore',
    set,
    ...rootWords(root),
    ...(database === undefined || database === '' ? [] : [`--redirect-db=${database}`]),
    ...(mode === 'fill' ? [] : [`--${mode}`]),
    ...tables.map((table) => `--include-table=${patternOf(table)}`),
    ...(parts === 'all' ? [] : [`--${parts}`]),
    ...flags,
    ...(workers === undefined ? [] : [`--workers=${workers}`]),
    ...(encrypted ? [`--identity=${IDENTITY}`] : []),
    ...(dryRun ? ['--dry-run'] : []),
  ];
}

/** Without them a command would work on the root of the configuration: also `delete`. */
const rootWords = ({ id, url, endpoint }: NamedRoot): string[] =>
  id === 0 ? [] : [`--root=${url}`, ...(endpoint === undefined ? [] : [`--endpoint=${endpoint}`])];

/** A command line for a root. */
export const onRoot = (line: string, root: NamedRoot): string =>
  [line, ...rootWords(root).map(shellWord)].join(' ');

/** Why `stowage restore` refuses these choices together; undefined when it does not. */
export function misfitOf({ mode, parts, flags }: RestoreChoice): string | undefined {
  if (mode === 'truncate' && parts === 'schema-only')
    return '--truncate loads rows into tables that exist: choose everything or rows only.';
  if (mode === 'create' && parts === 'data-only')
    return 'New databases have no tables for rows only: choose everything, or another way.';
  if (mode === 'fill' && parts === 'data-only' && flags.includes('--globals'))
    return 'Roles and tablespaces belong to the definitions: leave out --globals, or choose everything.';
  return undefined;
}

export const restoreLine = (choice: RestoreChoice): string =>
  restoreWords(choice).map(shellWord).join(' ');

/** The pattern that matches this table only: names with a dot, star or quote are quoted. */
export function patternOf({ schema, name }: { readonly schema: string; readonly name: string }) {
  return `${patternPart(schema)}.${patternPart(name)}`;
}

const patternPart = (name: string) =>
  /[.*"]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
