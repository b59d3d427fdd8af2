import { Readable } from 'node:stream';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import { readToc } from '../../../database/objects/toc.ts';
import { quoteIdentifier, quoteQualified } from '../../../database/session/quote.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { suiteFile } from '../e2e/encryption.ts';

const MADE = ['SCHEMA', 'TYPE', 'DOMAIN', 'SEQUENCE', 'TABLE'];

/**
 * SQL that makes the tables of an adopted set in PostgreSQL: their definitions in the set without
 * the clauses of Greenplum. Partitions become tables of their own.
 */
export async function postgresTables(
  store: ObjectStore,
  { timestamp, relations }: Manifest,
): Promise<string> {
  const key = formatKey({
    kind: 'metadata',
    timestamp,
    content: -1,
    attempt: 1,
    file: 'schema.dump',
  });
  const statements: string[] = [];
  for await (const entry of readToc(Readable.from(await suiteFile(store, key)), key)) {
    if (!MADE.includes(entry.kind)) continue;
    if (entry.schema !== '')
      statements.push(`SET search_path = ${quoteIdentifier(entry.schema)}, pg_catalog;`);
    const text = entry.definition();
    statements.push(entry.kind === 'TABLE' ? withoutClauses(text) : text);
  }
  for (const relation of relations)
    if (relation.partitionRoot)
      statements.push(
        `CREATE TABLE ${quoteQualified(relation)} (LIKE ${quoteQualified(relation.partitionRoot)});`,
      );
  return statements.join('\n');
}

/** `CREATE TABLE t ( … )` up to the parenthesis that closes the columns. */
function withoutClauses(text: string): string {
  const end = text.search(/^\)/m) + 1;
  const inherits = /^\s*INHERITS \([^)]*\)/.exec(text.slice(end))?.[0] ?? '';
  return `${text.slice(0, end).replace(/ ENCODING \([^)]*\)/g, '')}${inherits};`;
}
