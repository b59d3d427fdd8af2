/** The part of `ERRORS` for cat, export, import and dump. */
export const ROWS_ERRORS = {
  'table/not-found': {
    exit: 4,
    hint: 'write the table as schema.table, in the letters of its name; `stowage show SET --all` lists the tables of a set',
  },
  'table/ambiguous': { exit: 4, hint: 'write one of the named tables as schema.table' },
  'export/impossible': {
    exit: 4,
    hint: 'nothing was written; correct the named flag, or restore the table and export it from a server',
  },
  'export/value': {
    exit: 3,
    hint: 'nothing was kept of the export; write the named column as a string with --parquet-strings, or use --format csv',
  },
  'file/exists': { exit: 4, hint: 'nothing was written; choose another name, or remove the file' },
  'file/unusable': {
    exit: 2,
    hint: 'check that the path exists, and that this user may read or write it; a file that was not finished was removed',
  },
  'import/refused': {
    exit: 4,
    hint: 'the table was not changed; correct the named file or flag',
  },
  'import/failed': {
    exit: 3,
    hint: 'the table was not changed: all rows go in by one transaction; correct the named line',
  },
  'dump/incomplete': {
    exit: 4,
    hint: 'nothing was written; select what is named, too, or accept that it is missing with --allow-missing',
  },
} as const;
