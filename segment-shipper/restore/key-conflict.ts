import { messageOf } from '../../backup-set/base/errors.ts';
import type { ProblemList } from '../../backup-set/base/problems.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { sqlStateOf } from '../../database/session/database-error.ts';

/** The fields of an order that say which contents of the set go into its server. */
export interface Merging {
  readonly content: number;
  readonly sources?: readonly number[] | undefined;
}

/** unique_violation and exclusion_violation. */
const CONFLICTS: ReadonlySet<string | undefined> = new Set(['23505', '23P01']);

/**
 * The problem of a key that rows of several contents have; undefined for other failures, and where
 * the server gets one content.
 */
export function keyConflict(
  error: unknown,
  order: Merging,
  table: QualifiedName | undefined,
): Problem | undefined {
  if (order.sources === undefined || !CONFLICTS.has(sqlStateOf(error))) return undefined;
  return conflictOf(`${messageOf(error)}${detailOf(error)}`, order, table);
}

/** As `keyConflict`, with the message of the server. */
export function conflictOf(
  message: string,
  { content, sources = [] }: Merging,
  table: QualifiedName | undefined,
): Problem {
  const name = table === undefined ? 'SCHEMA.TABLE' : `${table.schema}.${table.name}`;
  return {
    code: 'key-conflict',
    content,
    ...(table && { relation: { schema: table.schema, name: table.name } }),
    message: `contents ${sources.join(', ')} of the set go into this server, and a key of table ${name} rejects their rows: ${message.replace(/\.$/, '')}. When the contents have the same rows, load one copy with --reference ${name}; otherwise leave the table out with --exclude-table, or choose another map`,
  };
}

/** PostgreSQL names the value in the detail. */
function detailOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if ('detail' in at && typeof at.detail === 'string') return `. ${at.detail}`;
  return '';
}

/** Conflicts fail an order; everything else of the list is left out. */
export function splitConflicts({ problems, problemsTotal }: ProblemList): {
  readonly problems: readonly Problem[];
  readonly leftOut: ProblemList;
} {
  const conflicts = problems.filter(({ code }) => code === 'key-conflict');
  const others = problems.filter(({ code }) => code !== 'key-conflict');
  return {
    problems: conflicts,
    leftOut: { problems: others, problemsTotal: problemsTotal - conflicts.length },
  };
}
