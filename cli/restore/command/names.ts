import { StowageError } from '../../../backup-set/base/errors.ts';
import { isEverything, type QualifiedName } from '../../../backup-set/base/selection.ts';
import type { Flags } from '../../command.ts';
import { dashed } from '../../config/flag-names.ts';
import { selectionFrom } from '../../flags.ts';
import type { RestoreOptions } from '../request.ts';

/**
 * What to restore, and under which names.
 * @throws StowageError `usage/flag` when --table, --as and --into-schema do not fit.
 */
export function chosenFrom(
  flags: Flags,
  mode: RestoreOptions['mode'],
): Pick<RestoreOptions, 'selection' | 'into'> {
  const { table, as, intoSchema } = flags;
  const selection = selectionFrom(flags);
  if (table === undefined && as === undefined && intoSchema === undefined) return { selection };
  const asked = intoSchema === undefined ? 'as' : 'intoSchema';
  for (const other of ['dataOnly', 'schemaOnly', 'section', 'onError'])
    if (flags[other] !== undefined)
      throw refused(asked, `makes a whole copy or none: leave out --${dashed(other)}`);
  if (mode === 'truncate')
    throw refused(
      asked,
      'makes a copy with another name, and --truncate makes nothing: leave out --truncate',
    );
  if (intoSchema !== undefined) return { selection, into: intoSchemaFrom(flags) };
  if (table === undefined)
    throw refused('as', 'needs --table with the table of the set: --table sales.orders');
  if (as === undefined)
    throw refused(
      'table',
      'needs --as with another name. To restore a table under its own name, use --include-table',
    );
  if (!isEverything(selection))
    throw refused('table', 'chooses one table: leave out --include-… and --exclude-…');
  return {
    selection: { ...selection, includeTables: [patternOf(nameFrom(flags, 'table'))] },
    into: { table: nameFrom(flags, 'as') },
  };
}

function intoSchemaFrom(flags: Flags) {
  for (const other of ['table', 'as'])
    if (flags[other] !== undefined)
      throw refused('intoSchema', `cannot be used with --${other}: use one of them`);
  const schema = String(flags['intoSchema']);
  if (schema === '') throw refused('intoSchema', 'needs the name of a schema');
  if (/^pg_/.test(schema))
    throw refused('intoSchema', `${JSON.stringify(schema)} is a name that PostgreSQL reserves`);
  return { schema };
}

/** The names that a flag gives: `schema.table`, or with quotes `"a.b"."c"`. */
function nameFrom(flags: Flags, flag: 'table' | 'as'): QualifiedName {
  const found = /^(?:"((?:[^"]|"")+)"|([^".*]+))\.(?:"((?:[^"]|"")+)"|([^".*]+))$/.exec(
    String(flags[flag]),
  );
  if (found === null)
    throw refused(
      flag,
      `takes one table, schema.table or "a.b"."c", not ${JSON.stringify(flags[flag])}`,
    );
  const part = (quoted: string | undefined, plain: string | undefined) =>
    quoted?.replaceAll('""', '"') ?? plain ?? '';
  return { schema: part(found[1], found[2]), name: part(found[3], found[4]) };
}

const patternOf = ({ schema, name }: QualifiedName) =>
  [schema, name].map((part) => `"${part.replaceAll('"', '""')}"`).join('.');

const refused = (field: string, why: string) =>
  new StowageError('usage/flag', `--${dashed(field)} ${why}`, { where: { field } });
