import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import { withRepeats } from '../repeats/repeats.ts';

/** Names and comments that end a statement, or begin a command of psql, when they are misread. */
export const HOSTILE_ROLES = `
CREATE ROLE "hand;""\n\\! x'";
COMMENT ON ROLE "hand;""\n\\! x'" IS E'it''s;\n\\\\! x -- "';
ALTER ROLE "hand;""\n\\! x'" SET search_path = 'a;b', 'c''d';`;

/** Title, file and text of metadata that would make MARKER if they were run. */
export const HOSTILE_TEXTS = withRepeats<readonly [title: string, file: string, text: string]>(
  [
    ['globals with a command of psql', 'globals.sql.zst', 'CREATE ROLE hand_x; \\! touch MARKER\n'],
    [
      'globals with a statement behind a dollar quote',
      'globals.sql.zst',
      "COMMENT ON ROLE x IS $$'$$; COPY (SELECT 1) TO PROGRAM 'touch MARKER'; --'\n",
    ],
    [
      'sequences with a command of psql behind a statement',
      'sequences.sql.zst',
      `SELECT pg_catalog.setval('"a"."b"'::regclass, 1, true); \\! touch MARKER\n`,
    ],
  ],
  [
    ['globals with a program', 'globals.sql.zst', "COPY (SELECT 1) TO PROGRAM 'touch MARKER';\n"],
    [
      'globals with a name that looks like an escape',
      'globals.sql.zst',
      "ALTER ROLE x SET ROLE'\\'; COPY (SELECT 1) TO PROGRAM 'touch MARKER'; --'\n;",
    ],
    ['sequences with a command of psql', 'sequences.sql.zst', '\\! touch MARKER\n'],
  ],
);

/**
 * Runs `work` while the manifest part of content 0 is forged, and the object whose key and bytes
 * `forge` returns.
 */
export async function withForged(
  root: string,
  timestamp: string,
  forge: (part: ManifestPart) => readonly [key: string, bytes: Uint8Array] | undefined,
  work: () => Promise<void>,
): Promise<void> {
  const partPath = join(root, formatKey({ kind: 'manifest-part', timestamp, content: 0 }));
  const manifestPath = join(root, formatKey({ kind: 'manifest', timestamp }));
  const partText = await readFile(partPath, 'utf8');
  const manifestText = await readFile(manifestPath, 'utf8');
  const part = JSON.parse(partText) as ManifestPart;
  const [key, bytes] = forge(part) ?? [];
  const before = key === undefined ? undefined : await readFile(join(root, key));
  const forged = JSON.stringify(part);
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  try {
    await writeFile(partPath, forged);
    await writeFile(manifestPath, manifestText.replace(sha256(partText), sha256(forged)));
    if (key !== undefined && bytes !== undefined) await writeFile(join(root, key), bytes);
    await work();
  } finally {
    await writeFile(partPath, partText);
    await writeFile(manifestPath, manifestText);
    if (key !== undefined && before !== undefined) await writeFile(join(root, key), before);
  }
}
