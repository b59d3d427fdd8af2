import * as z from 'zod';
import { Content, Name } from '../../base/document.ts';

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

/** What an order of a mapped restore has beside those of one content. */
export const MappedOrder = {
  /** The contents of the set that go into this server; absent = one. */
  sources: z.array(Content).min(2).exactOptional(),
};
