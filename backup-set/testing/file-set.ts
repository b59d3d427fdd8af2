import * as fc from 'fast-check';
import { formatKey } from '../base/keys.ts';
import type { Plan } from '../documents/plan.ts';
import type { FileReceipt } from '../documents/receipt.ts';
import { expectedFiles, type Files } from '../files/expected.ts';
import { parseFileName } from '../files/names.ts';
import { AT, type SetParts, TIMESTAMP } from './builders.ts';
import { PLAN } from './plans.ts';

const named = (rest: string) => `gpbackup_${TIMESTAMP}_${rest}`;

/** Complete sets of gpbackup's files, of one to four segments. */
export const fileSet: fc.Arbitrary<SetParts & { readonly files: readonly FileReceipt[] }> = fc
  .record({
    segments: fc.integer({ min: 1, max: 4 }),
    layout: fc.constantFrom('per-table' as const, 'single' as const),
    suffix: fc.constantFrom('.gz' as const, '.zst' as const, '' as const),
    /** Rows by table and segment. */
    rows: fc.array(fc.array(fc.nat({ max: 1000 }), { minLength: 4, maxLength: 4 }), {
      minLength: 1,
      maxLength: 4,
    }),
  })
  .map(({ segments, layout, suffix, rows }) => {
    const sumOf = (counts: readonly number[]) => counts.reduce((sum, one) => sum + one, 0);
    const files: Files = {
      coordinator: [named('config.yaml'), named('report'), named('toc.yaml')],
      layout,
      suffix,
      tables: rows.map((counts, at) => ({
        schema: 'public',
        name: `t${at}`,
        oid: 16384 + at,
        rows: sumOf(counts.slice(0, segments)),
      })),
      needs: [],
    };
    const receipts: FileReceipt[] = [];
    for (let content = -1; content < segments; content++)
      for (const file of expectedFiles(files, TIMESTAMP, content)) {
        const { oid, hasRows = false } = parseFileName(file) ?? {};
        const counted =
          oid === undefined
            ? sumOf(rows.map((counts) => counts[content] ?? 0))
            : (rows[oid - 16384]?.[content] ?? 0);
        receipts.push(receiptOf(content, file, receipts.length + 1, hasRows ? counted : undefined));
      }
    return {
      plan: planOf(files, segments),
      sealed: receipts,
      files: receipts,
      dead: [],
      counts: new Map(),
    };
  });

function receiptOf(
  content: number,
  file: string,
  sequence: number,
  rows: number | undefined,
): FileReceipt {
  return {
    format: 'stowage/receipt',
    version: 1,
    timestamp: TIMESTAMP,
    content,
    attempt: 1,
    worker: 7,
    sequence,
    startedAt: AT,
    finishedAt: AT,
    kind: 'file',
    object: {
      key: formatKey({ kind: 'file', timestamp: TIMESTAMP, content, name: file }),
      bytes: 10,
      crc32: '00000000',
    },
    file,
    ...(rows !== undefined && { rows, rowBytes: rows * 2 }),
  };
}

function planOf(files: Files, segments: number): Plan {
  return {
    ...PLAN,
    flavour: 'greenplum',
    features: ['files'],
    files,
    snapshot: { ...PLAN.snapshot, mechanism: 'source' },
    relations: [],
    contents: Array.from({ length: segments + 1 }, (_, at) => ({
      content: at - 1,
      host: 'h',
      port: 0,
      serverVersion: '6.24.3',
      encoding: 'UTF8',
      metadata: [],
      relations: [],
      refresh: [],
    })),
  };
}
