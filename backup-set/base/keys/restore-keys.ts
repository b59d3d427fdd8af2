import { RestoreId } from '../timestamps.ts';
import { PHASES, type Phase } from './more-keys.ts';

export const RESTORES = 'restores/';
/** Beside the wrapped keys: what may create and read these may do so with it. */
const SIGNED = 'keys/signed.json';

export type RestoreKey =
  | {
      readonly kind:
        | 'restore-request'
        | 'restore-plan'
        | 'restore-counts'
        | 'signed-restore'
        | 'outcome';
      readonly restore: string;
    }
  | { readonly kind: 'restore-keys'; readonly restore: string; readonly content: number }
  | {
      readonly kind: 'order' | 'order-claim' | 'restore-receipt';
      readonly restore: string;
      readonly phase: Phase;
      readonly content: number;
    };

export function restorePrefix(restore: string): string {
  return `${RESTORES}${restore}/`;
}

/** Prefix of the orders, claims or receipts of one phase of a restore. */
export function phasePrefix(
  restore: string,
  what: 'orders' | 'claims' | 'receipts',
  phase: Phase,
): string {
  return `${restorePrefix(restore)}${what}/${phase}/`;
}

export function formatRestoreKey(key: RestoreKey): string {
  switch (key.kind) {
    case 'restore-request':
      return `${restorePrefix(key.restore)}request.json`;
    case 'restore-plan':
      return `${restorePrefix(key.restore)}plan.json`;
    case 'restore-counts':
      return `${restorePrefix(key.restore)}counts.json`;
    case 'outcome':
      return `${restorePrefix(key.restore)}outcome.json`;
    case 'signed-restore':
      return `${restorePrefix(key.restore)}${SIGNED}`;
    case 'restore-keys':
      return `${restorePrefix(key.restore)}keys/${key.content}.json`;
    case 'order':
      return `${phasePrefix(key.restore, 'orders', key.phase)}${key.content}.json`;
    case 'order-claim':
      return `${phasePrefix(key.restore, 'claims', key.phase)}${key.content}.json`;
    case 'restore-receipt':
      return `${phasePrefix(key.restore, 'receipts', key.phase)}${key.content}.json`;
  }
}

export function parseRestoreKey(text: string) {
  const [, restore = '', rest = ''] = /^restores\/([^/]+)\/(.+)$/s.exec(text) ?? [];
  if (!RestoreId.safeParse(restore).success) return undefined;
  if (rest === 'request.json') return { kind: 'restore-request' as const, restore };
  if (rest === 'plan.json') return { kind: 'restore-plan' as const, restore };
  if (rest === 'counts.json') return { kind: 'restore-counts' as const, restore };
  if (rest === 'outcome.json') return { kind: 'outcome' as const, restore };
  if (rest === SIGNED) return { kind: 'signed-restore' as const, restore };
  const [, keysOf] = /^keys\/(-1|\d{1,6})\.json$/.exec(rest) ?? [];
  if (keysOf !== undefined)
    return { kind: 'restore-keys' as const, restore, content: Number(keysOf) };
  const [, what = '', phaseName, content] =
    /^(orders|claims|receipts)\/([a-z-]+)\/(-1|\d{1,6})\.json$/.exec(rest) ?? [];
  const phase = PHASES.find((name) => name === phaseName);
  const kind = OF_PHASE.get(what);
  if (phase === undefined || kind === undefined) return undefined;
  return { kind, restore, phase, content: Number(content) };
}

const OF_PHASE = new Map([
  ['orders', 'order' as const],
  ['claims', 'order-claim' as const],
  ['receipts', 'restore-receipt' as const],
]);
