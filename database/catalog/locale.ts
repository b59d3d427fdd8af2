import type { Locale } from '../../backup-set/documents/plan.ts';
import { quoteLiteral } from '../session/quote.ts';
import type { Session } from '../session/session.ts';

const PROVIDERS = { c: 'libc', i: 'icu', b: 'builtin' } as const;

/** The locale of the session's database. Its column in pg_database depends on the major version. */
export async function readLocale(session: Session): Promise<Locale> {
  const [row] = await session.query<Record<string, unknown>>(
    `SELECT row_to_json(d) ->> 'datlocprovider' AS provider, d.datcollate AS collate, d.datctype AS ctype,
            coalesce(row_to_json(d) ->> 'datlocale', row_to_json(d) ->> 'daticulocale') AS name
     FROM pg_database d WHERE d.datname = current_database()`,
  );
  const text = (field: string) => (typeof row?.[field] === 'string' ? row[field] : undefined);
  const letter = text('provider');
  const name = text('name');
  return {
    provider: letter === 'i' || letter === 'b' ? PROVIDERS[letter] : PROVIDERS.c,
    collate: text('collate') ?? 'C',
    ctype: text('ctype') ?? 'C',
    ...(name === undefined ? {} : { name }),
  };
}

/**
 * The clause of CREATE DATABASE for a locale. LOCALE_PROVIDER came with 15, so libc is not named.
 */
export function localeClause({ provider, collate, ctype, name }: Locale): string {
  const categories = `LC_COLLATE ${quoteLiteral(collate)} LC_CTYPE ${quoteLiteral(ctype)}`;
  if (provider === 'libc') return categories;
  const own = provider === 'icu' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE';
  return `LOCALE_PROVIDER ${provider} ${own} ${quoteLiteral(name ?? 'C')} ${categories}`;
}
