import { StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { plural } from '../../backup-set/base/words.ts';
import { quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';

const RELATIONS_PER_STATEMENT = 100;

/** A relation, and how many rows another program says that the session's snapshot has of it. */
export interface ReportedRows extends QualifiedName {
  readonly rows: number;
  /** Counts only these rows: the condition of an extension's configuration table. */
  readonly condition?: string;
}

/**
 * Compares reported row counts with what the session sees. Reads at most one row more of each
 * relation than reported, so few reported rows cost little, whatever the table holds.
 * @throws StowageError `database/count` naming the first relation that differs.
 */
export async function requireRows(
  session: Session,
  reported: readonly ReportedRows[],
): Promise<void> {
  for (let first = 0; first < reported.length; first += RELATIONS_PER_STATEMENT) {
    const batch = reported.slice(first, first + RELATIONS_PER_STATEMENT);
    const selects = batch.map(
      (relation, at) =>
        `SELECT ${at} AS at, count(*)::float8 AS rows FROM (SELECT FROM ${sourceOf(relation)} LIMIT ${relation.rows + 1}) AS read`,
    );
    const counted = await session.query<{ at: number; rows: number }>(selects.join(' UNION ALL '));
    for (const { at, rows } of counted) {
      const relation = batch[at];
      if (relation !== undefined && rows !== relation.rows) throw differs(session, relation, rows);
    }
  }
}

function sourceOf({ condition, ...relation }: ReportedRows): string {
  const table = `ONLY ${quoteQualified(relation)}`;
  return condition === undefined ? table : `(SELECT FROM ${table} WHERE ${condition}) AS chosen`;
}

function differs(
  { target: { content } }: Session,
  { schema, name, rows }: ReportedRows,
  counted: number,
): StowageError {
  const relation = `${schema}.${name}`;
  const found = counted > rows ? 'more' : plural(counted, 'row');
  const message = `the agent of content ${content} reports ${plural(rows, 'row')} of ${relation}, and the database counts ${found} in the snapshot of this backup. The report is forged, or the agent read another database: check its configuration and the keys of its host`;
  return new StowageError('database/count', message, {
    where: { ...(content !== undefined && { content }), relation },
  });
}
