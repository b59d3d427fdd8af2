import * as z from 'zod';
import { Name } from '../../base/document.ts';

/** The other names that a request asks for: of the chosen schema, or of the chosen table. */
export const RequestedNames = z.union([
  z.strictObject({ schema: Name.shape.schema }),
  z.strictObject({ table: Name }),
]);
export type RequestedNames = z.infer<typeof RequestedNames>;

/** The same in an order, with the name that the set has. */
export const Into = z.union([
  z.strictObject({ from: Name.shape.schema, schema: Name.shape.schema }),
  z.strictObject({ from: Name, table: Name }),
]);
export type Into = z.infer<typeof Into>;
