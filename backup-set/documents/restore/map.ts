import * as z from 'zod';
import { Content, Name } from '../../base/document.ts';
import { ObjectRef } from '../receipt.ts';

/** Contents of the set that go into one content of the target. The first gives the definitions. */
const MapRule = z.object({ to: Content, from: z.array(Content).min(1) });
export type MapRule = z.infer<typeof MapRule>;

/** A table whose rows are equal on all contents of the set that have it: one copy is loaded. */
const Reference = Name.extend({
  /** The user named it; or two copies of its rows could not be in one table. */
  why: z.enum(['named', 'primary-key']),
});
export type Reference = z.infer<typeof Reference>;

/** The fields of a request that maps contents (docs/design/0038). */
export const Mapping = {
  /** Each content of the set is in one rule. Absent = each goes into the content of its number. */
  map: z.array(MapRule).min(1).exactOptional(),
  /** With `map`. */
  references: z.array(Reference).exactOptional(),
};

/** The contents of the set that go into the server of an order; absent = one. */
const sources = z.array(Content).min(2).exactOptional();

/** What a data order has of the contents that are not the first. */
export const MappedData = {
  sources,
  /** Their oids are not those of the first. */
  moreLargeObjects: z.array(ObjectRef).min(1).exactOptional(),
};

/** What a post-data order has of the contents that are not the first. */
export const MappedPostData = {
  sources,
  /** The value that is furthest counts. */
  moreSequences: z.array(ObjectRef).min(1).exactOptional(),
};
