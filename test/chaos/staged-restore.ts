import { decode, encode } from '../../backup-set/base/document.ts';
import { formatKey, PHASES, type Phase, parseKey } from '../../backup-set/base/keys.ts';
import { EVERYTHING } from '../../backup-set/base/selection.ts';
import type { Plan } from '../../backup-set/documents/plan.ts';
import {
  Order,
  RestoreReceipt,
  RestoreRequest,
} from '../../backup-set/documents/restore/restore.ts';
import { AT } from '../../backup-set/testing/builders.ts';
import type { Random } from './random.ts';
import type { StagedSet, Write } from './staged-set.ts';

/** A restore of a set: its request, and the order that fails, if any. */
export interface StagedRestore {
  readonly id: string;
  readonly of: StagedSet;
  readonly request: Write;
  readonly fails: { readonly phase: Phase; readonly content: number } | undefined;
}

export function stagedRestore(random: Random, of: StagedSet): StagedRestore {
  const id = '20260201120000123-0123abcd';
  const { plan } = of.parts;
  const failing = { phase: random.pick(PHASES), content: random.pick(plan.contents).content };
  return {
    id,
    of,
    request: requestOf(random, plan, id),
    fails: random.chance(0.3) ? failing : undefined,
  };
}

/** The request of a restore of the set that has this plan. */
export function requestOf(random: Random, plan: Plan, id: string): Write {
  const request: RestoreRequest = {
    format: 'stowage/restore-request',
    version: 1,
    id,
    requestedAt: AT,
    timestamp: plan.timestamp,
    target: {
      flavour: plan.flavour,
      database: 'd',
      contents: plan.contents.map(({ content, host, port }) => ({ content, host, port })),
    },
    selection: EVERYTHING,
    mode: random.pick(['create', 'fill', 'truncate']),
    verify: random.chance(0.5),
    globals: false,
    noOwner: false,
    resize: false,
    agents: false,
    count: false,
  };
  return {
    key: formatKey({ kind: 'restore-request', restore: id }),
    bytes: encode(RestoreRequest, request),
  };
}

/**
 * The receipt of a segment for an order; undefined for a key that is not an order of this restore.
 */
export function receiptFor(
  { id, fails }: Pick<StagedRestore, 'id' | 'fails'>,
  key: string,
  bytes: Uint8Array,
): (Write & { readonly failed: boolean }) | undefined {
  const parsed = parseKey(key);
  if (parsed?.kind !== 'order' || parsed.restore !== id) return undefined;
  const order = decode(Order, { key, bytes });
  const { phase, content } = order;
  const failed = fails?.phase === phase && fails.content === content;
  const relations =
    order.phase === 'data' && order.role === 'load'
      ? order.relations.map(({ schema, name, rows }) => ({ schema, name, rows }))
      : [];
  const receipt: RestoreReceipt = {
    format: 'stowage/restore-receipt',
    version: 1,
    id,
    phase,
    content,
    status: failed ? 'failed' : 'done',
    startedAt: AT,
    finishedAt: AT,
    storedBytes: 0,
    relations: failed ? [] : relations,
    problemsTotal: failed ? 1 : 0,
    problems: failed ? [{ code: 'order-failed', message: 'it broke' }] : [],
  };
  return {
    key: formatKey({ kind: 'restore-receipt', restore: id, phase, content }),
    bytes: encode(RestoreReceipt, receipt),
    failed,
  };
}
