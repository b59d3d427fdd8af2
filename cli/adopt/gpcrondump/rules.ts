import { plural } from '../../../backup-set/base/words.ts';
import { tableKey } from '../convert/source.ts';
import type { SetProblem } from '../set-problem.ts';
import type { CountedSection } from './data-sections.ts';

/** What a dump of a segment holds. */
export interface CountedDump {
  readonly content: number;
  readonly file: string;
  readonly sections: readonly CountedSection[];
  /** It could not be read to its end. */
  readonly isCut: boolean;
}

const NAMED_MAX = 5;

/**
 * The rules that compare the dumps of a set with each other. Each segment lists the same tables,
 * and a full set lists those of the master. No two segments have the same rows.
 * @param listed tables of which the master has an (empty) COPY.
 * @param encoding of the master's dump.
 */
export function compareDumps(
  dumps: readonly CountedDump[],
  listed: readonly string[],
  encoding: string,
): readonly SetProblem[] {
  // The tables behind a cut are missing for that reason.
  const whole = dumps.filter(({ isCut }) => !isCut);
  return [
    ...otherTables(whole),
    ...lackingTables(whole, listed),
    ...sameRows(whole),
    ...otherEncodings(dumps, encoding),
  ];
}

/** A restore loads all rows in the encoding of the master's dump. */
function otherEncodings(dumps: readonly CountedDump[], encoding: string): SetProblem[] {
  return dumps.flatMap(({ content, file, sections }) => {
    const other = sections.find((section) => section.encoding !== encoding)?.encoding;
    if (other === undefined) return [];
    const message = `its encoding is ${other || 'not named'}, and that of the master's dump is ${encoding}`;
    return [{ file, content, message }];
  });
}

function otherTables(dumps: readonly CountedDump[]): SetProblem[] {
  const all = new Set(dumps.flatMap(({ sections }) => sections.map(shapeOf)));
  return dumps.flatMap(({ content, file, sections }) => {
    const own = new Set(sections.map(shapeOf));
    const twice = sections.length - own.size;
    const lacks = [...all].filter((shape) => !own.has(shape));
    return [
      ...(twice > 0
        ? [{ file, content, message: `it holds ${plural(twice, 'table')} twice` }]
        : []),
      ...(lacks.length > 0
        ? [{ file, content, message: `it lacks ${names(lacks)}, which another segment has` }]
        : []),
    ];
  });
}

/** Greenplum 4 silently leaves changed tables with unusual names out of its increments. */
export function lackingDirty(
  dumps: readonly CountedDump[],
  dirty: readonly string[],
): readonly SetProblem[] {
  const [first] = dumps;
  const has = new Set(
    dumps.flatMap(({ sections }) => sections.map(({ schema, name }) => `${schema}.${name}`)),
  );
  const lacks = dirty.filter((name) => !has.has(name));
  if (first === undefined || lacks.length === 0) return [];
  const shown = lacks.slice(0, NAMED_MAX).join(', ');
  const more = lacks.length > NAMED_MAX ? ` and ${lacks.length - NAMED_MAX} more` : '';
  const message = `no segment's dump has ${shown}${more}, which its dirty_list names as changed`;
  return [{ file: first.file, message }];
}

/** A table with other columns is another one. */
const shapeOf = (section: CountedSection) =>
  JSON.stringify([section.schema, section.name, section.columns]);

function lackingTables(dumps: readonly CountedDump[], listed: readonly string[]): SetProblem[] {
  const [first] = dumps;
  if (first === undefined) return [];
  const has = new Set(first.sections.map(tableKey));
  const lacks = listed.filter((key) => !has.has(key));
  if (lacks.length === 0) return [];
  const message = `it lacks ${names(lacks)}, which the master's dump lists`;
  return [{ file: first.file, content: first.content, message }];
}

/** A copy of another segment's file under this segment's name. */
function sameRows(dumps: readonly CountedDump[]): SetProblem[] {
  const seen = new Map<string, CountedDump>();
  return dumps.flatMap((dump) => {
    const rows = dump.sections.reduce((sum, section) => sum + section.rows, 0);
    if (rows === 0) return [];
    const key = JSON.stringify(
      dump.sections.map((section) => [shapeOf(section), section.bytes, section.crc]).sort(),
    );
    const other = seen.get(key);
    seen.set(key, dump);
    if (other === undefined) return [];
    const message = `it holds the same rows as ${other.file}: it is a copy of another segment's dump`;
    return [{ file: dump.file, content: dump.content, message }];
  });
}

function names(keys: readonly string[]): string {
  const shown = keys.slice(0, NAMED_MAX).map((key) => {
    const [schema = '', name = ''] = JSON.parse(key) as string[];
    return `${schema}.${name}`;
  });
  const more = keys.length > NAMED_MAX ? ` and ${keys.length - NAMED_MAX} more` : '';
  return `${keys.length === 1 ? 'table' : 'the tables'} ${shown.join(', ')}${more}`;
}
