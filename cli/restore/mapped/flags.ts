import { StowageError } from '../../../backup-set/base/errors.ts';
import { parsePattern } from '../../../backup-set/base/selection.ts';
import type { Flags } from '../../command.ts';
import { PATTERN_FORMS } from '../../config/flag-names.ts';

export const MAP_FLAG = [
  '--map <rules...>',
  'restore several contents of the set into one server: --map 0,1=0 2,3=1 puts contents 0 and 1 into content 0 of the target; also 0-3=0 and all=0 (shards, repeatable). The first content of a rule gives the definitions',
] as const;
export const REFERENCE_FLAG = [
  '--reference <pattern>',
  'with --map: load one copy of this table, whose rows are equal on all contents: schema.table (repeatable; automatic with equal digests and a primary key)',
] as const;

/** A rule as the user writes it. */
export interface AskedRule {
  readonly to: number;
  readonly from: 'all' | readonly number[];
}

/** A rule has more contents than any cluster: a typing error. */
const RANGE_MAX = 100_000;

/** The words that --map has taken and that are no rules: the set, written behind the rules. */
export function wordsBehindMap({ map }: Flags): string[] {
  return Array.isArray(map) ? map.map(String).filter((word) => /^(?:latest|\d+)$/.test(word)) : [];
}

/**
 * The rules of --map; undefined when it was not given.
 * @throws StowageError `usage/flag` naming what is wrong.
 */
export function mapFrom(flags: Flags): AskedRule[] | undefined {
  const { map } = flags;
  if (!Array.isArray(map)) return undefined;
  const behind = wordsBehindMap(flags);
  const words = map.map(String).filter((word) => !behind.includes(word));
  if (words.length === 0) throw refused('needs a rule: --map 0,1=0 2,3=1');
  const rules = words.flatMap((word) => word.trim().split(/\s+/)).map(ruleFrom);
  requireOnce(
    rules.map(({ to }) => to),
    'target',
  );
  requireOnce(
    rules.flatMap(({ from }) => (from === 'all' ? [] : from)),
    'set',
  );
  if (rules.length > 1 && rules.some(({ from }) => from === 'all'))
    throw refused('all=… is a rule for all contents of the set: leave out the others');
  return rules;
}

function ruleFrom(word: string): AskedRule {
  const [, left = '', right = ''] = /^([^=]+)=(\d{1,6})$/.exec(word) ?? [];
  if (left === 'all') return { to: Number(right), from: 'all' };
  const from = left.split(',').flatMap((part) => {
    const [, first, last = first] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part) ?? [];
    const [low, high] = [Number(first), Number(last)];
    const isRange = first !== undefined && low <= high && high - low < RANGE_MAX;
    return isRange ? Array.from({ length: high - low + 1 }, (_, at) => low + at) : [Number.NaN];
  });
  if (from.some(Number.isNaN))
    throw refused(
      `takes contents of the set, =, and a content of the target, such as 0,1=0 or 0-3=0 or all=0; not ${JSON.stringify(word)}`,
    );
  return { to: Number(right), from };
}

function requireOnce(contents: readonly number[], of: 'set' | 'target'): void {
  const twice = contents.find((content, at) => contents.indexOf(content) !== at);
  if (twice === undefined) return;
  const why =
    of === 'set' ? 'its rows would be loaded twice' : 'write all its contents into one rule';
  throw refused(`content ${twice} of the ${of} is named twice: ${why}`);
}

/** The patterns of --reference. @throws StowageError `usage/flag`. */
export function referencesFrom({ reference, map }: Flags): string[] {
  const patterns = Array.isArray(reference) ? reference.map(String) : [];
  const where = { field: 'reference' };
  if (patterns.length > 0 && !Array.isArray(map))
    throw new StowageError('usage/flag', '--reference needs --map', { where });
  for (const pattern of patterns)
    if (parsePattern(pattern)?.length !== 2)
      throw new StowageError(
        'usage/flag',
        `--reference: ${JSON.stringify(pattern)} is not a table; write ${PATTERN_FORMS}`,
        { where },
      );
  return patterns;
}

/** The flags again, for commands that a message names. */
export function mapFlag(map: readonly AskedRule[] | undefined): string {
  if (map === undefined) return '';
  const rules = map.map(({ to, from }) => `${from === 'all' ? from : from.join(',')}=${to}`);
  return ` --map ${rules.join(' ')}`;
}

function refused(why: string): StowageError {
  return new StowageError('usage/flag', `--map ${why}`, { where: { field: 'map' } });
}
