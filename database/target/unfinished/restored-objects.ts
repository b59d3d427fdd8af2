import type { ArchiveEntry } from '../../objects/choice/entries.ts';
import { inSection } from '../../objects/choice/lists.ts';
import type { Session } from '../../session/session.ts';
import { MARK_SCHEMA } from './mark.ts';

/** A table's own objects, as `kind schema table name`. */
const ofTable = (kind: string, catalog: string, name: string, table: string) =>
  `SELECT x.oid, ${kind} || ' ' || n.nspname || ' ' || c.relname || ' ' || x.${name} AS entry
   FROM pg_catalog.${catalog} x JOIN pg_catalog.pg_class c ON c.oid = x.${table}
   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`;

const ofDatabase = (kind: string, catalog: string, name: string) =>
  `SELECT oid, '${kind} - ' || ${name} AS entry FROM pg_catalog.${catalog}`;

/** The objects of phase post-data; each query with the first version that has its catalog. */
const QUERIES: readonly (readonly [since: number, sql: string])[] = [
  [
    0,
    `SELECT c.oid, 'INDEX ' || n.nspname || ' ' || c.relname AS entry FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('i', 'I')`,
  ],
  [
    0,
    ofTable(
      `CASE x.contype WHEN 'f' THEN 'FK CONSTRAINT' WHEN 'c' THEN 'CHECK CONSTRAINT' ELSE 'CONSTRAINT' END`,
      'pg_constraint',
      'conname',
      'conrelid',
    ),
  ],
  [
    0,
    `SELECT x.oid, 'CHECK CONSTRAINT ' || n.nspname || ' ' || t.typname || ' ' || x.conname AS entry
     FROM pg_catalog.pg_constraint x JOIN pg_catalog.pg_type t ON t.oid = x.contypid
     JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace`,
  ],
  // A partition has triggers of its parent: their entries only set whether they are enabled.
  [
    0,
    `${ofTable("'TRIGGER'", 'pg_trigger', 'tgname', 'tgrelid')}
     WHERE NOT x.tgisinternal AND coalesce(pg_catalog.row_to_json(x) ->> 'tgparentid', '0') = '0'`,
  ],
  [0, `${ofTable("'RULE'", 'pg_rewrite', 'rulename', 'ev_class')} WHERE x.rulename <> '_RETURN'`],
  [90_300, ofDatabase('EVENT TRIGGER', 'pg_event_trigger', 'evtname')],
  [90_500, ofTable("'POLICY'", 'pg_policy', 'polname', 'polrelid')],
  [
    100_000,
    `SELECT x.oid, 'STATISTICS ' || n.nspname || ' ' || x.stxname AS entry
     FROM pg_catalog.pg_statistic_ext x JOIN pg_catalog.pg_namespace n ON n.oid = x.stxnamespace`,
  ],
  [100_000, ofDatabase('PUBLICATION', 'pg_publication', 'pubname')],
  [
    100_000,
    `SELECT x.oid, 'PUBLICATION TABLE ' || n.nspname || ' ' || p.pubname || ' ' || c.relname AS entry
     FROM pg_catalog.pg_publication_rel x JOIN pg_catalog.pg_publication p ON p.oid = x.prpubid
     JOIN pg_catalog.pg_class c ON c.oid = x.prrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`,
  ],
  [
    150_000,
    `SELECT x.oid, 'PUBLICATION TABLES IN SCHEMA ' || n.nspname || ' ' || p.pubname || ' ' || n.nspname AS entry
     FROM pg_catalog.pg_publication_namespace x JOIN pg_catalog.pg_publication p ON p.oid = x.pnpubid
     JOIN pg_catalog.pg_namespace n ON n.oid = x.pnnspid`,
  ],
  [
    120_000,
    `${ofDatabase('SUBSCRIPTION', 'pg_subscription', 'subname')}
     WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())`,
  ],
];

/**
 * The objects of phase post-data that exist and were created after the mark, so by this restore, as
 * the kind, schema, table and name of their entries.
 */
export async function restoredObjects(session: Session): Promise<ReadonlySet<string>> {
  const [version] = await session.query<{ number: number }>(
    "SELECT current_setting('server_version_num')::int AS number",
  );
  const known = QUERIES.filter(([since]) => since <= (version?.number ?? 0)).map(([, sql]) => sql);
  const rows = await session.query<{ entry: string }>(
    `SELECT entry FROM (${known.join(' UNION ALL ')}) found
     WHERE oid > (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)`,
    [MARK_SCHEMA],
  );
  return new Set(rows.map(({ entry }) => entry));
}

/** The entries of the post-data section whose objects are not among these. */
export function withoutRestored<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
  restored: ReadonlySet<string>,
): Entry[] {
  return inSection(entries, 'post-data').filter(
    ({ kind, schema, name }) => !restored.has(`${kind} ${schema === '' ? '-' : schema} ${name}`),
  );
}

/** Whether anything that pre-data makes was created after the mark. */
export async function hasNewObjects(session: Session): Promise<boolean> {
  const catalogs = ['pg_extension', 'pg_type', 'pg_class', 'pg_proc', 'pg_cast'];
  const found = [
    // Sessions with temporary tables have schemas of their own.
    "SELECT oid FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_'",
    ...catalogs.map((catalog) => `SELECT oid FROM pg_catalog.${catalog}`),
  ];
  const [row] = await session.query<{ has: boolean }>(
    `SELECT EXISTS (SELECT FROM (${found.join(' UNION ALL ')}) made
     WHERE oid > (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)) AS has`,
    [MARK_SCHEMA],
  );
  return row?.has === true;
}
