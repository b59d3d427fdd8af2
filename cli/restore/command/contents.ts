import { StowageError } from '../../../backup-set/base/errors.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { COORDINATOR } from '../../../backup-set/restore/phases.ts';
import type { Flags } from '../../command.ts';
import { mapFlag } from '../mapped/flags.ts';

export const CONTENT_FLAG = [
  '--content <ids>',
  'restore these contents only, e.g. 1 or 1,2 (repeatable): a lost shard. The other servers are neither read nor changed',
] as const;

/** The contents of --content in order; undefined when it was not given. */
export function contentsFrom({ content: given }: Flags): readonly number[] | undefined {
  if (!Array.isArray(given)) return undefined;
  const words = given.flatMap((list) => String(list).split(','));
  const contents = words.map((word) => {
    if (/^(-1|\d{1,6})$/.test(word.trim())) return Number(word);
    throw new StowageError(
      'usage/flag',
      `--content takes ids of contents (${COORDINATOR}, 0, 1, …), separated by commas, not ${JSON.stringify(word)}`,
      { where: { field: 'content' } },
    );
  });
  return [...new Set(contents)].sort((a, b) => a - b);
}

/** The flags again that say what goes where, for commands that a message names. */
export function contentFlags({ contents, map, references = [] }: Where): string {
  const only = contents === undefined ? '' : ` --content ${contents.join(',')}`;
  const named = references
    .filter(({ why }) => why === 'named')
    .map(({ schema, name }) => ` --reference '"${schema}"."${name}"'`);
  return `${only}${mapFlag(map)}${named.join('')}`;
}

type Where = Pick<RestoreRequest, 'contents' | 'map' | 'references'>;

/** What a restore of some contents of a set has left alone. */
export interface OtherContents {
  readonly restored: readonly number[];
  /** The contents of the set that were not restored. */
  readonly others: readonly number[];
  /** The time of the set. */
  readonly takenAt: string;
}

const NAMED_MAX = 10;

/** The shards are at different times now, which is the operator's decision. */
export function othersLine({ restored, others, takenAt }: OtherContents): string {
  const those = (contents: readonly number[]) =>
    `${contents.length === 1 ? 'content' : 'contents'} ${contents.slice(0, NAMED_MAX).join(', ')}${contents.length > NAMED_MAX ? ', …' : ''}`;
  return others.length === 0
    ? `restored all contents of the set: ${those(restored)}`
    : `restored only ${those(restored)}, as of ${takenAt}; ${those(others)} of the set ${others.length === 1 ? 'was' : 'were'} not restored. Where the cluster is in use, the other shards also have the rows written since then: check that they fit together`;
}

/** What a restore of some contents leaves out. */
export function otherContents(
  { contents: restored }: RestoreRequest,
  { contents, snapshot: { takenAt } }: Manifest,
): { readonly chosen?: OtherContents } {
  if (restored === undefined) return {};
  const others = contents.flatMap(({ content }) => (restored.includes(content) ? [] : [content]));
  return { chosen: { restored, others, takenAt } };
}
