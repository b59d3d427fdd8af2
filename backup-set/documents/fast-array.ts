import * as z from 'zod';
import { NAME_CHARS_MAX, type Name } from '../base/document.ts';

/**
 * An array schema for lists of ten thousand items. `readItem` validates an item in a tenth of the
 * time that its schema takes. If it returns undefined for an item, the schema reads the whole list
 * and names the first wrong field.
 */
export function fastArray<Item extends z.ZodType>(
  item: Item,
  readItem: (value: Record<string, unknown>) => z.output<Item> | undefined,
) {
  const schema = z.array(item);
  return z.custom<z.output<Item>[]>().transform((value, context): z.output<Item>[] => {
    const items = readItems(value, readItem);
    if (items !== undefined) return items;
    const read = schema.safeParse(value);
    if (read.success) return read.data;
    for (const issue of read.error.issues)
      context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
    return z.NEVER;
  });
}

function readItems<Out>(
  value: unknown,
  readItem: (value: Record<string, unknown>) => Out | undefined,
): Out[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items: Out[] = [];
  for (const item of value as unknown[]) {
    if (typeof item !== 'object' || item === null) return undefined;
    const read = readItem(item as Record<string, unknown>);
    if (read === undefined) return undefined;
    items.push(read);
  }
  return items;
}

/** The rule of `Count` in document.ts. */
export const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0);

/** The rule of the optional `RowFormat` in receipt.ts. */
export const isRowFormat = (value: unknown): value is 'binary' | undefined =>
  value === undefined || value === 'binary';

/** The rule of `Name` in document.ts: its two fields, or undefined if one of them is wrong. */
export function fastName(value: unknown): Name | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { schema, name } = value as Record<string, unknown>;
  return isIdentifier(schema) && isIdentifier(name) ? { schema, name } : undefined;
}

const isIdentifier = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= NAME_CHARS_MAX;

const DIGEST = /^[\w-]{32}$/;

/** The rule of `Digest` in document.ts. */
export const isDigest = (value: unknown): value is string =>
  typeof value === 'string' && DIGEST.test(value);

const CRC32 = /^[0-9a-f]{8}$/;

/** The rule of `Crc32` in document.ts. */
export const isCrc32 = (value: unknown): value is string =>
  typeof value === 'string' && CRC32.test(value);
