import { describe, expect, it } from 'vitest';
import type { ConsoleRestore, ConsoleSet } from '../api.ts';
import { attentionOf } from './attention.ts';

const NOW = new Date('2026-11-29T12:00:00Z');
const set = (timestamp: string, more: Partial<ConsoleSet> = {}): ConsoleSet => ({
  ...{ timestamp, state: 'complete', cluster: 'shop', database: 'orders', flavour: 'shards' },
  ...{ tool: 'stowage', tags: [], chosen: false, needs: [], usesDamaged: [], warnings: [] },
  ...{ warningsTotal: 0 },
  ...{ problems: [], problemsTotal: 0 },
  ...more,
});
const restore = (status: ConsoleRestore['status']): ConsoleRestore => ({
  ...{ id: '20261129110000000-0123abcd', requestedAt: NOW.toISOString(), status },
  ...{ set: '20261128010000', target: 'orders', problems: ['lost'], problemsTotal: 3 },
});
const found = (sets: ConsoleSet[], restores: ConsoleRestore[] = []) =>
  attentionOf(sets, restores, NOW).map(({ severity, kind, command }) => [severity, kind, command]);

describe('what needs attention', () => {
  it('is nothing when all sets are complete and all restores have ended well', () => {
    expect(found([set('20261129010000')], [restore('restored'), restore('running')])).toEqual([]);
  });

  it('lists the worst first, each with the command that helps', () => {
    const sets = [
      set('20261129010000', { warnings: ['sales.orders lost 41 % of its rows'] }),
      set('20261128010000', { state: 'damaged' }),
      set('20261127010000', { state: 'overdue' }),
    ];
    expect(found(sets, [restore('failed'), restore('stalled'), restore('refused')])).toEqual([
      ['critical', 'damaged', 'stowage repair 20261128010000 --from ROOT-OF-A-COPY'],
      ['warning', 'unusual', 'stowage show 20261129010000'],
      ['warning', 'overdue', 'stowage sweep'],
      ['warning', 'restore', 'stowage restore --resume 20261129110000000-0123abcd'],
      ['warning', 'restore', 'stowage restore --resume 20261129110000000-0123abcd'],
      ['notice', 'restore', 'stowage restore 20261128010000 --dry-run'],
    ]);
  });

  it('has a place for the identity in the command of a restore of an encrypted set', () => {
    const sets = [set('20261128010000', { encrypted: true })];
    const commands = found(sets, [restore('failed'), restore('refused')]).map(([, , line]) => line);
    expect(commands).toEqual([
      'stowage restore --resume 20261129110000000-0123abcd --identity=IDENTITY-FILE',
      'stowage restore 20261128010000 --dry-run --identity=IDENTITY-FILE',
    ]);
  });

  it('calls an incomplete set a notice once a later set of its database is complete', () => {
    const incomplete = set('20261128010000', { state: 'incomplete' });
    expect(found([incomplete])).toEqual([
      ['critical', 'incomplete', 'stowage show 20261128010000'],
    ]);
    expect(found([set('20261129010000', { database: 'other' }), incomplete])[0]?.[0]).toBe(
      'critical',
    );
    expect(found([set('20261127010000'), incomplete])[0]?.[0]).toBe('critical');
    expect(found([set('20261129010000'), incomplete])).toEqual([
      ['notice', 'incomplete', 'stowage delete 20261128010000'],
    ]);
  });

  it('names locks that end within a week, have ended, or were not extended', () => {
    const locked = (until: string, status: 'complete' | 'incomplete' = 'complete') =>
      found([set('20261101010000', { lock: { until, status } })]).map(([severity]) => severity);
    expect(locked('2027-01-01T00:00:00Z')).toEqual([]);
    expect(locked('2026-12-05T00:00:00Z')).toEqual(['notice']);
    expect(locked('2026-11-20T00:00:00Z')).toEqual(['notice']);
    expect(locked('2027-01-01T00:00:00Z', 'incomplete')).toEqual(['warning']);
  });

  it('warns of a complete set that may use packs of a damaged one', () => {
    const using = set('20261129010000', { usesDamaged: ['20261128010000'] });
    expect(found([using])).toEqual([['critical', 'uses-damaged', 'stowage verify 20261129010000']]);
  });

  it('is silent about a set that has expired', () => {
    expect(found([set('20261129010000', { state: 'damaged', expiredSince: 'x' })])).toEqual([]);
  });
});
