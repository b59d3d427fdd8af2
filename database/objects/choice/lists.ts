import type { ArchiveEntry } from './entries.ts';

/** For pg_restore's --use-list, which reads the id of each line alone. */
export function useList(entries: readonly Pick<ArchiveEntry, 'id'>[]): string {
  return entries.map(({ id }) => `${id};\n`).join('');
}

/**
 * The entries of a section. pg_restore counts rights and comments to the section of the entry
 * before them, so they are taken with it.
 */
export function inSection<Entry extends Pick<ArchiveEntry, 'section'>>(
  entries: readonly Entry[],
  section: 'pre-data' | 'post-data',
): Entry[] {
  let current: ArchiveEntry['section'] = 'pre-data';
  return entries.filter((entry) => {
    if (entry.section !== 'none') current = entry.section;
    return current === section;
  });
}

/**
 * Chosen entries of one section, for a list. pg_restore puts the entries that are not listed before
 * the others, so a remark at the front of the list of pre-data would count as post-data: ENCODING,
 * which pg_restore always reads, comes first.
 */
export function listedIn<Entry extends ArchiveEntry>(
  entries: readonly Entry[],
  section: 'pre-data' | 'post-data',
  isChosen: (entry: Entry) => boolean,
): Entry[] {
  const chosen = inSection(entries, section).filter(isChosen);
  if (section === 'post-data') return chosen;
  return [...entries.filter(({ kind }) => kind === 'ENCODING'), ...chosen];
}
