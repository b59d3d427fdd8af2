import { posix } from 'node:path';
import { StowageError } from '../../../../backup-set/base/errors.ts';
import { parseName, type SetFile } from '../names.ts';

/** A file of another host: a line of the lists that `gpcrondump --list-backup-files` writes. */
export interface ListedFile {
  readonly host: string;
  readonly path: string;
  readonly name: string;
}

/** A dump that gpcrondump will write. */
export interface ListedDump extends ListedFile {
  readonly file: SetFile;
  /** −1: the master. Where names have no content, segments are numbered by dbid. */
  readonly content: number;
}

const LINE = /^([^:/\s][^/\s]*):(\/.*\/([^/]+))$/;

/** @throws StowageError `adopt/unsupported` */
export function listedFiles(text: string, list: string): ListedFile[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, host, path, name] = LINE.exec(line) ?? [];
      if (host === undefined || path === undefined || name === undefined)
        throw unsupported(list, `the line ${JSON.stringify(line)} is not HOST:/path`);
      return { host, path: posix.normalize(path), name };
    });
}

/** The dumps of a `gp_dump_TS_pipes`. @throws StowageError `adopt/unsupported` */
export function listedDumps(text: string, list: string, timestamp: string): ListedDump[] {
  const named = listedFiles(text, list).map((listed) => {
    const file = parseName(listed.name);
    const isDump = file?.kind === 'dump' || file?.kind === 'post_data';
    if (file === undefined || !isDump || file.timestamp !== timestamp)
      throw unsupported(list, `${listed.name} is not a dump of set ${timestamp}`);
    return { ...listed, file };
  });
  const hasNewNames = named.some(({ file }) => file.hasNewName);
  // Of old names, the first number is 1 for the master and 0 for each segment.
  const isMaster = ({ content }: SetFile) => content === (hasNewNames ? -1 : 1);
  const dbids = named
    .filter(({ file }) => !isMaster(file))
    .map(({ file }) => file.dbid ?? 0)
    .sort((a, b) => a - b);
  const dumps = named.map((one) => ({
    ...one,
    content: isMaster(one.file)
      ? -1
      : hasNewNames
        ? (one.file.content ?? 0)
        : dbids.indexOf(one.file.dbid ?? 0),
  }));
  const segments = dumps.filter(({ content }) => content >= 0);
  const has = (kind: SetFile['kind']) =>
    dumps.filter(({ content, file }) => content === -1 && file.kind === kind).length;
  if (has('dump') !== 1 || has('post_data') !== 1)
    throw unsupported(list, 'it does not name one dump and one post_data of the master');
  if (segments.length === 0) throw unsupported(list, 'it names no dump of a segment');
  if (new Set(segments.map(({ content }) => content)).size !== segments.length)
    throw unsupported(list, 'it names two dumps of one segment');
  return dumps;
}

const unsupported = (list: string, why: string) =>
  new StowageError('adopt/unsupported', `${list} cannot be streamed: ${why}`);
