import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { AskedRestore } from '../../backup-set/documents/restore/asked.ts';

/** What the configuration adds to a request. */
export interface RequestPlace {
  readonly config?: string | undefined;
  readonly root: string;
  readonly endpoint?: string | undefined;
}

/** The words behind `stowage` of the restore that a request asks for. */
export function requestWords(asked: AskedRestore, place: RequestPlace): string[] {
  const { timestamp, database, mode, tables, parts, flags, workers } = asked;
  return [
    'restore',
    timestamp,
    ...(place.config === undefined ? [] : [`--config=${place.config}`]),
    `--root=${place.root}`,
    ...(place.endpoint === undefined ? [] : [`--endpoint=${place.endpoint}`]),
    ...(database === undefined ? [] : [`--redirect-db=${database}`]),
    ...(mode === 'fill' ? [] : [`--${mode}`]),
    ...tables.map((table) => `--include-table=${patternOf(table)}`),
    ...(parts === 'all' ? [] : [`--${parts}`]),
    ...new Set(flags),
    ...(workers === undefined ? [] : [`--workers=${workers}`]),
  ];
}

/** Always in quotes: a name is never a pattern. */
const patternOf = ({ schema, name }: QualifiedName) =>
  [schema, name].map((part) => `"${part.replaceAll('"', '""')}"`).join('.');
