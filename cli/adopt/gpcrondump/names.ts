/** What a file of a gpcrondump set is, by its name. */
export interface SetFile {
  readonly prefix: string;
  readonly timestamp: string;
  readonly kind:
    | 'dump'
    | 'post_data'
    | 'status'
    | 'report'
    | 'cdatabase'
    | 'globals'
    | 'dirty_list'
    | 'table_list'
    | 'increments'
    | 'other';
  /** Of dumps and status files: the segment's. */
  readonly dbid?: number;
  /** Undefined: the name does not say it (old names, segments). */
  readonly content?: number | undefined;
  readonly isGzip: boolean;
  /** Names with contents came with Greenplum 5. */
  readonly hasNewName: boolean;
}

const NAME =
  /^(?<prefix>.*?)gp_(?:dump_(?:(?<status>status_)?(?<first>-?\d+)_(?<dbid>\d+)_(?<ts>\d{14})(?<post>_post_data)?|(?<ts2>\d{14})(?:(?<report>\.rpt)|_(?<part>\w+)))|(?<lone>cdatabase|global)_(?<first2>-?\d+)_(?<dbid2>\d+)_(?<ts3>\d{14}))(?<gz>\.gz)?$/;
const PARTS = ['dirty_list', 'table_list', 'increments'] as const;

/** Undefined: it is no file of such a set. */
export function parseName(name: string): SetFile | undefined {
  const found = NAME.exec(name)?.groups;
  if (found === undefined) return undefined;
  const { prefix = '', status, first, dbid, post, report, part, lone, first2, dbid2 } = found;
  const timestamp = found['ts'] ?? found['ts2'] ?? found['ts3'] ?? '';
  const isGzip = found['gz'] !== undefined;
  const base = { prefix, timestamp, isGzip, hasNewName: first === '-1' || first2 === '-1' };
  if (report !== undefined) return { ...base, kind: 'report' };
  if (part !== undefined)
    return { ...base, kind: PARTS.find((known) => known === part) ?? 'other' };
  if (lone !== undefined)
    return { ...base, kind: lone === 'global' ? 'globals' : 'cdatabase', dbid: Number(dbid2) };
  const kind =
    status !== undefined ? ('status' as const) : post !== undefined ? 'post_data' : 'dump';
  return { ...base, kind, dbid: Number(dbid), content: Number(first) };
}
