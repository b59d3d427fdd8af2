import type { Locale } from '../../../backup-set/documents/plan.ts';

/** The locale in the CREATE DATABASE of a dump; undefined: it does not say it. */
export function localeIn(creation: string): Locale | undefined {
  const value = (name: string) =>
    new RegExp(` ${name} = '?((?:[^' ]|'')+)'?`).exec(creation)?.[1]?.replaceAll("''", "'");
  const provider = value('LOCALE_PROVIDER') ?? 'libc';
  const both = value('LOCALE');
  const [collate, ctype] = [value('LC_COLLATE') ?? both, value('LC_CTYPE') ?? both];
  if (provider !== 'libc' && provider !== 'icu' && provider !== 'builtin') return undefined;
  if (collate === undefined || ctype === undefined) return undefined;
  const name = value('ICU_LOCALE') ?? value('BUILTIN_LOCALE');
  return { provider, collate, ctype, ...(name !== undefined && { name }) };
}
