import { count, plural } from '../../backup-set/base/words.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { printable } from './format.ts';

type NotShipped = Manifest['notShipped'][number];

const SHOWN = 8;

/** `notShipped[].reason` as people read it. */
const REASONS: Readonly<Record<string, string>> = {
  unlogged: 'unlogged tables',
  foreign: 'foreign tables',
  external: 'external tables',
  'materialized-view': 'materialized views',
  'extension-member': 'tables of extensions',
  excluded: 'excluded by the selection',
  'partitioned-root': 'parents of partitions (their rows are in the partitions)',
};
/** After a restore these have their rows all the same: from partitions, views or extensions. */
const NOT_LACKING: ReadonlySet<string> = new Set([
  'materialized-view',
  'extension-member',
  'partitioned-root',
]);

export function notShippedLines({ notShipped }: Pick<Manifest, 'notShipped'>): string[] {
  if (notShipped.length === 0) return [];
  return ['', 'no rows backed up of:', ...byReason(notShipped).map((line) => `  ${line}`)];
}

/** Relations whose rows a restore of the set cannot bring back. */
export function rowsNotInSet({ notShipped }: Pick<Manifest, 'notShipped'>): readonly NotShipped[] {
  return notShipped.filter(({ reason }) => !NOT_LACKING.has(reason));
}

/** One line per reason: `unlogged tables: public.cache, public.sessions`. */
export function byReason(relations: readonly NotShipped[]): string[] {
  const reasons = Object.entries(Object.groupBy(relations, ({ reason }) => reason));
  return reasons.map(([reason, list = []]) => `${REASONS[reason] ?? reason}: ${listed(list)}`);
}

/** `rows of 2 tables (unlogged tables, foreign tables)`, for one line. */
export function rowsNotInSetShort(relations: readonly NotShipped[]): string {
  const reasons = [...new Set(relations.map(({ reason }) => REASONS[reason] ?? reason))];
  return `the rows of ${plural(relations.length, 'table')} (${reasons.join(', ')})`;
}

function listed(names: readonly { schema: string; name: string }[]): string {
  const shown = names.slice(0, SHOWN).map(({ schema, name }) => printable(`${schema}.${name}`));
  return (
    shown.join(', ') +
    (names.length > shown.length ? ` and ${count(names.length - shown.length)} more` : '')
  );
}
