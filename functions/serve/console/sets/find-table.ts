import * as z from 'zod';
import { Count } from '../../../../backup-set/base/document.ts';

const Found = z.object({
  totals: z.object({ contents: Count, rows: Count, bytes: Count, storedBytes: Count }),
});

/**
 * The totals of a table in the bytes of a manifest, without parsing the others: a manifest of
 * 10,000 tables takes 100 ms to parse, and 2 ms to search. Undefined when it does not have the
 * table.
 */
export function findTable(
  manifest: Buffer,
  { schema, name }: { readonly schema: string; readonly name: string },
): z.infer<typeof Found>['totals'] | undefined {
  // In the order of the fields, and as JSON.stringify escapes them: as `encode` writes.
  const begin = `{"schema":${JSON.stringify(schema)},"name":${JSON.stringify(name)},`;
  for (let at = manifest.indexOf(begin); at !== -1; at = manifest.indexOf(begin, at + 1)) {
    const text = objectAt(manifest, at);
    const found = text === undefined ? undefined : Found.safeParse(JSON.parse(text));
    if (found?.success) return found.data.totals;
  }
  return undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** The JSON object that begins at an offset; undefined when it does not end. */
function objectAt(bytes: Buffer, begin: number): string | undefined {
  let depth = 0;
  let isText = false;
  for (let at = begin; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (isText) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if (byte === OPEN) depth += 1;
    else if (byte === CLOSE) {
      depth -= 1;
      if (depth === 0) return bytes.toString('utf8', begin, at + 1);
    }
  }
  return undefined;
}
