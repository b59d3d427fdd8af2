import { basename } from 'node:path';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { type FileName, parseFileName } from '../../backup-set/files/names.ts';

/** Files that belong to no set: the test bench of gpbackup makes some. */
export const SCRATCH = 'gpbackup/';

/** Where a file of gpbackup is stored, by the path that gpbackup gives it on its host. */
export interface Place {
  readonly name: string;
  readonly key: string;
  /** Undefined: it belongs to no set, and has no receipt. */
  readonly file: FileName | undefined;
}

const SCRATCH_PATH = /\/(\d{8})\/(\d{14})\/([\w.-]{1,200})$/;

/** @throws StowageError `usage/flag` for a path that no gpbackup gives. */
export function placeOf(path: string): Place {
  const name = basename(path);
  const file = parseFileName(name);
  if (file !== undefined) {
    const { timestamp, content } = file;
    return { name, file, key: formatKey({ kind: 'file', timestamp, content, name }) };
  }
  const [, date, timestamp, rest] = SCRATCH_PATH.exec(path) ?? [];
  if (rest === undefined)
    throw new StowageError(
      'usage/flag',
      `${JSON.stringify(path)} is not a path of gpbackup: it must end in YYYYMMDD/TIMESTAMP/FILE`,
    );
  return { name, file: undefined, key: `${SCRATCH}${date}/${timestamp}/${rest}` };
}
