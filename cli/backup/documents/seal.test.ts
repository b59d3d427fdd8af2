import { describe, expect, test } from 'vitest';
import { decode, type RawDocument } from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey, parseKey } from '../../../backup-set/base/keys.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import { pinnedSealPart, Seal } from '../../../backup-set/documents/seal.ts';
import { beginFold } from '../../../backup-set/fold/fold.ts';
import { documentsOf, sealOf } from '../../../backup-set/testing/builders.ts';
import { parts, place, plan as smallPlan } from '../../../backup-set/testing/small-set.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { Shipped } from '../ship.ts';
import { newTally } from '../tally.ts';
import { storeSeal } from './seal.ts';

const plan: Plan = { ...smallPlan, contents: [0, 1, 2].map((content) => ({ ...place, content })) };
const clock = () => new Date('2026-01-31T12:00:00.000Z');
const { signal } = new AbortController();
const seal = (store: ObjectStore, failures: Shipped['failures'] = []) =>
  storeSeal({ store, plan, tally: newTally(plan), context: { clock, signal } }, { failures });

/** A store that accepts every object except those for which `refuses` gives an error. */
function storeOf(refuses: (key: string) => Error | undefined = () => undefined) {
  const stored: RawDocument[] = [];
  const create = async (key: string, bytes: Uint8Array) => {
    const refused = refuses(key);
    if (refused !== undefined) throw refused;
    stored.push({ key, bytes });
    return Promise.resolve({ key, bytes: bytes.length });
  };
  return { stored, store: { create } as unknown as ObjectStore };
}

const isPartOf = (content: number) => (key: string) => {
  const parsed = parseKey(key);
  return parsed?.kind === 'seal-part' && parsed.content === content;
};

describe('storeSeal', () => {
  test('stores the seal after its parts, and the seal pins each of them', async () => {
    const { stored, store } = storeOf();
    await seal(store);
    const last = stored.at(-1);
    expect(stored).toHaveLength(4);
    expect(last?.key).toBe(formatKey({ kind: 'seal', timestamp: plan.timestamp }));
    const planRaw = documentsOf(parts([], [], { plan })).plan;
    const begun = beginFold({ plan: planRaw, seal: last });
    if (begun.kind !== 'sealed') throw new Error(`the fold of the set is ${begun.kind}`);
    expect(begun.set.problems).toEqual([]);
    for (const { content } of plan.contents)
      expect(pinnedSealPart(begun.set, content, stored)).toMatchObject({
        ok: true,
        value: { content, receipts: [], relations: [] },
      });
  });

  test('stores the outcome "failed" and names the content when a part cannot be stored', async () => {
    const lost = new StowageError('storage/unavailable', 'the store does not answer');
    const { stored, store } = storeOf((key) => (isPartOf(1)(key) ? lost : undefined));
    const failures = await seal(store);
    expect(failures).toHaveLength(1);
    const document = decode(Seal, stored.at(-1) ?? { key: '', bytes: new Uint8Array() });
    expect(document).toMatchObject({
      outcome: 'failed',
      failures: [{ content: 1, code: 'storage/unavailable', message: 'the store does not answer' }],
    });
    expect(document.contents.map(({ content }) => content)).toEqual([0, 2]);
  });

  test('counts a part that exists already: the role may not read, so it cannot tell an earlier attempt', async () => {
    const exists = new StowageError('storage/exists', 'it exists already');
    const { stored, store } = storeOf((key) => (isPartOf(1)(key) ? exists : undefined));
    await seal(store);
    const document = decode(Seal, stored.at(-1) ?? { key: '', bytes: new Uint8Array() });
    expect(document.outcome).toBe('counted');
    expect(document.contents.map(({ content }) => content)).toEqual([0, 1, 2]);
  });

  test('stores the seal of a failed backup without the missing parts, and names the cause only', async () => {
    const late = new StowageError('interrupted', 'too late');
    const { stored, store } = storeOf((key) =>
      isPartOf(1)(key) || isPartOf(2)(key) ? late : undefined,
    );
    const cause = { content: 2, error: new StowageError('shipper/died', 'killed') };
    await seal(store, [cause]);
    const document = decode(Seal, stored.at(-1) ?? { key: '', bytes: new Uint8Array() });
    expect(document).toMatchObject({
      outcome: 'failed',
      failures: [{ content: 2, code: 'shipper/died' }],
    });
    expect(document.contents.map(({ content }) => content)).toEqual([0]);
  });

  test('stores the bytes that the tests of the fold use as the coordinator’s seal', async () => {
    const { stored, store } = storeOf();
    await seal(store);
    const set = parts([], [], { plan, counts: new Map() });
    expect(stored.at(-1)?.bytes).toEqual(documentsOf(set, { seal: sealOf(set) }).seal.bytes);
  });
});
