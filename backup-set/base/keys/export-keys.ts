import { StowageError } from '../errors.ts';

/** Files that `stowage export --name` writes. They belong to no set, and no function reads them. */
export const EXPORTS = 'exports/';

const NAME = /^[\w][\w.-]{0,99}$/;

/**
 * The keys of an export: its file, and the receipt that is written when the file is whole.
 * @param ending of the file, such as `csv.gz`.
 * @throws StowageError `usage/flag` for a name that cannot be part of a key.
 */
export function exportKeys(
  name: string,
  ending: string,
): { readonly file: string; readonly receipt: string } {
  if (!NAME.test(name) || name.includes('..'))
    throw new StowageError(
      'usage/flag',
      `--name ${JSON.stringify(name)} is not a name of an export: use up to 100 letters, digits, _, . and -, and begin with a letter or digit`,
      { where: { field: 'name' } },
    );
  return { file: `${EXPORTS}${name}/rows.${ending}`, receipt: `${EXPORTS}${name}/receipt.json` };
}
