import * as z from 'zod';

/** Parts of a set, as pg_restore names them. */
export const SECTIONS = ['pre-data', 'data', 'post-data'] as const;
export type Section = (typeof SECTIONS)[number];

/** Choices of a request that are absent when the user did not make them. */
export const RestoreChoices = {
  /** With `globals`: roles and tablespaces that exist are altered as the set has them. */
  globalsMode: z.literal('alter').exactOptional(),
  /** Large objects also with a selection or `truncate`, which replaces those with the same oids. */
  largeObjects: z.literal(true).exactOptional(),
  /** A restore that leaves something out is a success all the same. */
  allowMissing: z.literal(true).exactOptional(),
  /** The parts to restore, in their order; absent = all. */
  sections: z.array(z.enum(SECTIONS)).min(1).exactOptional(),
  /** No GRANT and no REVOKE of the set is run. */
  noAcl: z.literal(true).exactOptional(),
  /** Pre-data, too, goes on after a statement that the server rejects. */
  onError: z.literal('continue').exactOptional(),
};

/** What orders repeat of a request. */
export const OrderChoices = {
  noAcl: RestoreChoices.noAcl,
  onError: RestoreChoices.onError,
};
