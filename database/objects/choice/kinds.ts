/** Kinds that hold or show rows. An entry that depends on one of these needs that relation. */
export const RELATIONS: readonly string[] = [
  'TABLE',
  'FOREIGN TABLE',
  'EXTERNAL TABLE',
  'VIEW',
  'MATERIALIZED VIEW',
];

/** Parts of a relation or of another part. */
export const PARTS: readonly string[] = [
  'DEFAULT',
  'CHECK CONSTRAINT',
  'FK CONSTRAINT',
  'CONSTRAINT',
  'INDEX',
  'INDEX ATTACH',
  'TABLE ATTACH',
  'STATISTICS',
  'RULE',
  'TRIGGER',
  'ROW SECURITY',
  'POLICY',
  'SEQUENCE',
  'SEQUENCE OWNED BY',
  'PUBLICATION TABLE',
];

/** Rights and texts of one object. */
export const REMARKS: readonly string[] = ['ACL', 'COMMENT', 'SECURITY LABEL'];

/** Parts that are tagged with the name of their table and their own. */
export const TAGGED_WITH_TABLE: readonly string[] = [
  'DEFAULT',
  'CHECK CONSTRAINT',
  'FK CONSTRAINT',
  'CONSTRAINT',
  'RULE',
  'TRIGGER',
  'POLICY',
];

/** Entries of the archive or the database itself. Another step of a restore handles them. */
export const OF_THE_DATABASE: readonly string[] = [
  'ENCODING',
  'STDSTRINGS',
  'SEARCHPATH',
  'DATABASE',
  'DATABASE PROPERTIES',
];

/** They publish tables of a schema, but belong to a publication, which is in no schema. */
export const PUBLISHED: readonly string[] = ['PUBLICATION TABLE', 'PUBLICATION TABLES IN SCHEMA'];

/**
 * Kinds that are not made only because they depend on a chosen object. A table has rows of its own;
 * an event trigger and a subscription act on the whole database.
 */
export const NOT_BROUGHT: readonly string[] = ['TABLE', 'EVENT TRIGGER', 'SUBSCRIPTION'];
