import { StowageError } from '../errors.ts';

/** Files that `stowage export --name` writes. They belong to no set, and no function reads them. */
export const EXPORTS = 'exports/';

/** `file`: `receipt.json`, or `rows.` and an ending such as `csv.gz`. */
export interface ExportKey {
  readonly kind: 'export';
  readonly name: string;
  readonly file: string;
}

const RECEIPT = 'receipt.json';
const KEY =
  /^exports\/(\w(?:[\w-]|\.(?!\.)){0,99})\/(receipt\.json|rows\.(?:text|csv|parquet)(?:\.gz|\.zst)?)$/;

export function parseExportKey(text: string): ExportKey | undefined {
  const [, name, file] = KEY.exec(text) ?? [];
  return name === undefined || file === undefined ? undefined : { kind: 'export', name, file };
}

/**
 * The keys of an export: its file, and the receipt that is written when the file is whole.
 * @param ending of the file, such as `csv.gz`.
 * @throws StowageError `usage/flag` for a name that cannot be part of a key.
 */
export function exportKeys(
  name: string,
  ending: string,
): { readonly file: string; readonly receipt: string } {
  const [file, receipt] = [`rows.${ending}`, RECEIPT].map((each) => `${EXPORTS}${name}/${each}`);
  if (file !== undefined && receipt !== undefined && parseExportKey(receipt) !== undefined)
    return { file, receipt };
  throw new StowageError(
    'usage/flag',
    `--name ${JSON.stringify(name)} is not a name of an export: use up to 100 letters, digits, _, . and -, and begin with a letter or digit`,
    { where: { field: 'name' } },
  );
}
