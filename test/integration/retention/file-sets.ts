import { crc32 } from 'node:zlib';
import { digestOf, encode, FORMAT_VERSION, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Receipt } from '../../../backup-set/documents/receipt.ts';
import { Seal, SealPart } from '../../../backup-set/documents/seal.ts';
import { expectedFiles, type Files } from '../../../backup-set/files/expected.ts';
import { parseFileName } from '../../../backup-set/files/names.ts';
import { PLAN } from '../../../backup-set/testing/plans.ts';
import { hex } from '../../../frame/hex.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { requireComplete } from './world.ts';

const AT = '2026-01-31T01:02:03.000Z';
const CONTENTS = [-1, 0];
const ROWS = Buffer.from('1,a\n2,b\n');

/** A complete set of the plugin for gpbackup, which may need the files of older sets. */
export async function backUpFiles(
  deps: Deps,
  timestamp: string,
  needs: readonly string[] = [],
): Promise<void> {
  const files: Files = {
    coordinator: [`gpbackup_${timestamp}_toc.yaml`],
    layout: 'per-table',
    suffix: '',
    tables: [{ schema: 'public', name: 't', oid: 16384, rows: 2 }],
    needs: [...needs],
  };
  const create = async <Schema extends Parameters<typeof encode>[0]>(
    key: string,
    schema: Schema,
    value: Parameters<typeof encode<Schema>>[1],
  ) => {
    const bytes = encode(schema, value);
    await deps.store.create(key, bytes);
    return bytes;
  };
  const shared = { version: FORMAT_VERSION, timestamp } as const;
  const plan = await create(formatKey({ kind: 'plan', timestamp }), Plan, {
    ...PLAN,
    ...shared,
    ...{ flavour: 'greenplum', features: ['files'], files, relations: [] },
    snapshot: { ...PLAN.snapshot, mechanism: 'source' },
    contents: CONTENTS.map((content) => ({
      ...{ content, host: 'h', port: 0, serverVersion: '6.24.3', encoding: 'UTF8' },
      ...{ metadata: [], relations: [], refresh: [] },
    })),
  });
  const parts: Seal['contents'] = [];
  for (const content of CONTENTS) {
    const receipts: SealPart['receipts'] = [];
    for (const name of expectedFiles(files, timestamp, content)) {
      const key = formatKey({ kind: 'file', timestamp, content, name });
      const bytes = content === -1 ? Buffer.from('toc') : ROWS;
      const { etag } = await deps.store.create(key, bytes);
      const writer = { attempt: 1, worker: 7, sequence: receipts.length + 1 };
      const object = { key, bytes: bytes.length, crc32: hex(crc32(bytes)), ...(etag && { etag }) };
      const stored = await create(
        formatKey({ kind: 'receipt', timestamp, content, ...writer }),
        Receipt,
        {
          ...{ format: 'stowage/receipt', ...shared, content, ...writer },
          ...{ startedAt: AT, finishedAt: AT, kind: 'file', object, file: name },
          ...(parseFileName(name)?.hasRows === true && { rows: 2, rowBytes: ROWS.length }),
        },
      );
      receipts.push({ ...writer, sha256: sha256(stored) });
    }
    const key = formatKey({ kind: 'seal-part', timestamp, content });
    const part = await create(key, SealPart, {
      ...{ format: 'stowage/seal-part', ...shared, content, receipts, relations: [] },
    });
    parts.push({ content, part: digestOf(part) });
  }
  await create(formatKey({ kind: 'seal', timestamp }), Seal, {
    ...{ format: 'stowage/seal', ...shared, sealedAt: AT, planSha256: sha256(plan) },
    ...{ outcome: 'counted', contents: parts, failures: [] },
  });
  await stitch(deps, timestamp);
  await requireComplete(deps, timestamp);
}
