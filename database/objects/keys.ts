import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { lastName } from './full-tag.ts';
import { identifier } from './inline-parts.ts';
import type { TocEntry } from './toc.ts';

/** A key that an entry of an archive makes: two rows of its table cannot have the same value. */
export interface MadeKey {
  readonly table: QualifiedName;
  readonly isPrimary: boolean;
}

const ALTERED = /^ALTER TABLE (?:ONLY )?/;
const KEY = /^\s+ADD CONSTRAINT /m;
const INDEXED = /^CREATE UNIQUE INDEX /;

/** The key that this entry makes; undefined when it makes none. */
export function madeKey({
  kind,
  schema,
  definition,
}: Pick<TocEntry, 'kind' | 'schema' | 'definition'>): MadeKey | undefined {
  const text = definition();
  if (kind === 'INDEX' && INDEXED.test(text)) {
    const [, rest] = identifier(text.replace(INDEXED, ''));
    const on = rest.replace(/^\s*ON (?:ONLY )?/, '');
    const name = lastName(on);
    return name === undefined ? undefined : { table: { schema, name }, isPrimary: false };
  }
  if (kind !== 'CONSTRAINT' || !ALTERED.test(text)) return undefined;
  const added = KEY.exec(text);
  if (added === null) return undefined;
  const [, rest] = identifier(text.slice(added.index + added[0].length));
  const isPrimary = rest.startsWith('PRIMARY KEY');
  if (!isPrimary && !/^(?:UNIQUE|EXCLUDE)\b/.test(rest)) return undefined;
  const name = lastName(text.replace(ALTERED, ''));
  return name === undefined ? undefined : { table: { schema, name }, isPrimary };
}
