import { formatKey } from '../base/keys.ts';
import type { Problem } from '../base/verdict.ts';
import { plural } from '../base/words.ts';
import type { ManifestPart } from '../documents/manifest.ts';
import type { Plan } from '../documents/plan.ts';
import { type FileReceipt, objectRefShape, type Receipt } from '../documents/receipt.ts';
import { expectedFiles, type Files } from './expected.ts';
import { parseFileName } from './names.ts';

type StoredFiles = NonNullable<ManifestPart['files']>;

/** Each file that the plan expects of a content must have one sealed receipt, and the reverse. */
export function countFiles(
  { timestamp, files, encryption }: Pick<Plan, 'timestamp' | 'files' | 'encryption'>,
  content: number,
  receipts: readonly Receipt[],
): { readonly files?: StoredFiles; readonly problems: readonly Problem[] } {
  const sealed = receipts.filter((receipt) => receipt.kind === 'file');
  const expected = new Set(files === undefined ? [] : expectedFiles(files, timestamp, content));
  const hostKeys = new Set(encryption?.hostKeys);
  const found = new Map<string, FileReceipt>();
  const problems: Problem[] = [];
  const disagree = ({ file, object }: FileReceipt, what: string) =>
    problems.push({
      code: 'documents-disagree',
      content,
      object: object.key,
      message: `the seal lists ${file}, which ${what}`,
    });
  for (const receipt of sealed) {
    if (!expected.has(receipt.file)) disagree(receipt, 'the plan does not expect of this content');
    else if (found.has(receipt.file)) disagree(receipt, 'it lists already');
    else if (parseFileName(receipt.file)?.hasRows === true && receipt.rows === undefined)
      disagree(receipt, 'has rows, and its receipt does not count them');
    else if (receipt.object.keyId !== undefined && !hostKeys.has(receipt.object.keyId))
      disagree(receipt, 'is encrypted with a key that the plan does not name');
    else found.set(receipt.file, receipt);
  }
  for (const file of expected)
    if (!found.has(file)) problems.push(missing(files, { timestamp, content, file }));
  if (files === undefined) return { problems };
  const stored = [...found.values()].map(({ object, file, rows, rowBytes }) => ({
    ...objectRefShape(object),
    file,
    ...(rows !== undefined && { rows }),
    ...(rowBytes !== undefined && { rowBytes }),
  }));
  return { files: stored.sort((a, b) => (a.key < b.key ? -1 : 1)), problems };
}

function missing(
  files: Files | undefined,
  { timestamp, content, file }: { timestamp: string; content: number; file: string },
): Problem {
  const oid = parseFileName(file)?.oid;
  const table = files?.tables.find((one) => one.oid === oid);
  return {
    code: 'file-missing',
    content,
    ...(table && { relation: { schema: table.schema, name: table.name } }),
    object: formatKey({ kind: 'file', timestamp, content, name: file }),
    message: 'this file of gpbackup was not stored, or its receipt was not',
  };
}

/** Sums over the contents of a set: the rows of each table, or of all tables together. */
export interface FileCounts {
  add(files: StoredFiles): void;
  /** Where the rows of the files are not those that gpbackup has from the servers. */
  problems(): Problem[];
}

export function fileCounts({ layout, tables }: Files): FileCounts {
  const rowsOf = new Map<number | undefined, number>();
  const arrived = (oid: number | undefined) => rowsOf.get(oid) ?? 0;
  return {
    add(files) {
      for (const { file, rows = 0 } of files) {
        const oid = parseFileName(file)?.oid;
        rowsOf.set(oid, arrived(oid) + rows);
      }
    },
    problems() {
      if (layout === 'single') {
        const rows = tables.reduce((sum, table) => sum + table.rows, 0);
        return difference(arrived(undefined), rows);
      }
      return tables.flatMap(({ oid, rows, schema, name }) =>
        difference(arrived(oid), rows, { schema, name }),
      );
    },
  };
}

function difference(
  arrived: number,
  counted: number,
  relation?: { schema: string; name: string },
): Problem[] {
  if (arrived === counted) return [];
  const of = relation === undefined ? ' of all tables together' : '';
  return [
    {
      code: arrived > counted ? 'relation-surplus' : 'relation-incomplete',
      ...(relation && { relation }),
      message: `the files have ${plural(arrived, 'row')}${of}, but gpbackup has counted ${plural(counted, 'row')}`,
    },
  ];
}
