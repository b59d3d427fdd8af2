/** What shows that an exclusion constraint uses an operator class of an extension. */
const CLASSES: readonly (readonly [shows: RegExp, extension: string])[] = [
  // GiST compares numbers, texts and times by this extension alone.
  [/ WITH (?:<>|[<>]=?|=)[,)]/, 'btree_gist'],
  [/\bgist__int(?:big)?_ops\b/, 'intarray'],
  [/\bgist_trgm_ops\b/, 'pg_trgm'],
];

/**
 * The extensions that an exclusion constraint needs. pg_dump writes only what the constraint itself
 * depends on, and the server notes operator classes as needs of its index.
 */
export function extensionsOfExclusion(kind: string, definition: () => string): readonly string[] {
  if (kind !== 'CONSTRAINT') return [];
  const [, exclusion] = / EXCLUDE USING gist (\(.*)$/s.exec(definition()) ?? [];
  if (exclusion === undefined) return [];
  return CLASSES.flatMap(([shows, extension]) => (shows.test(exclusion) ? [extension] : []));
}
