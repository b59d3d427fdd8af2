import { describe, expect, test } from 'vitest';
import { type InstanceRow, judgeTopology, primariesUp } from './topology.ts';

const row = (content: number, role: 'p' | 'm', more: Partial<InstanceRow> = {}): InstanceRow => ({
  dbid: (content + 2) * 10 + (role === 'p' ? 1 : 2),
  content,
  role,
  preferredRole: role,
  mode: 's',
  status: 'u',
  host: `sdw${content}`,
  port: role === 'p' ? 6000 : 7000,
  ...more,
});

const whole = [-1, 0, 1].flatMap((content) => [row(content, 'p'), row(content, 'm')]);

/** The whole cluster, with one instance otherwise. */
const but = (content: number, role: 'p' | 'm', more: Partial<InstanceRow>) =>
  whole.map((instance) =>
    instance.content === content && instance.role === role ? { ...instance, ...more } : instance,
  );

const judged = (rows: readonly InstanceRow[]) =>
  new Map(judgeTopology(rows).map(({ name, ...check }) => [name, check]));

const badIn = (rows: readonly InstanceRow[]) => judgeTopology(rows).filter(({ ok }) => !ok);

describe('the checks of gp_segment_configuration', () => {
  test('pass without a remark for a healthy cluster', () => {
    expect(judgeTopology(whole).filter(({ ok, remark }) => !ok || remark)).toEqual([]);
  });

  test('pass with remarks when there are no mirrors and no standby', () => {
    const rows = [-1, 0, 1].map((content) => row(content, 'p', { mode: 'n' }));
    expect(badIn(rows)).toEqual([]);
    expect(judged(rows).get('mirrors')).toMatchObject({ ok: true, remark: true });
    expect(judged(rows).get('standby coordinator')).toMatchObject({ ok: true, remark: true });
  });

  test('name a content that has no mirror', () => {
    const check = judged(whole.slice(0, -1)).get('mirrors');
    expect(check).toMatchObject({
      ok: true,
      remark: true,
      detail: expect.stringContaining('content 1 without'),
    });
  });

  test('fail for a content whose primary is down or not listed', () => {
    const down = judged(but(1, 'p', { status: 'd' })).get('primaries');
    expect(down).toMatchObject({
      ok: false,
      detail: expect.stringContaining('content 1 dbid 31 at sdw1:6000'),
    });
    const unlisted = judged([row(-1, 'p'), row(0, 'p'), row(2, 'p')]).get('primaries');
    expect(unlisted).toMatchObject({ ok: false, detail: expect.stringContaining('content 1;') });
    expect(judged([row(-1, 'p')]).get('primaries')).toMatchObject({ ok: false });
  });

  test('leave out primaries that are down when they list the instances to check', () => {
    expect(primariesUp(but(0, 'p', { status: 'd' })).map(({ dbid }) => dbid)).toEqual([31]);
  });

  test.each([
    ['down', { status: 'd', mode: 'n' }, 'sdw0:7000 is down'],
    ['out of sync', { mode: 'n' }, 'sdw0:7000 is not in sync'],
  ])('a mirror that is %s fails', (_, more, words) => {
    expect(badIn(but(0, 'm', more))).toMatchObject([
      { name: 'mirrors', detail: expect.stringContaining(words) },
    ]);
  });

  test('fail when the standby is down', () => {
    expect(badIn(but(-1, 'm', { status: 'd' }))).toMatchObject([{ name: 'standby coordinator' }]);
  });

  test('fail when a mirror acts as primary, and name the command that restores the roles', () => {
    const rows = whole.map((instance) =>
      instance.content === 1 ? { ...instance, role: instance.role === 'p' ? 'm' : 'p' } : instance,
    );
    expect(badIn(rows)).toMatchObject([
      { name: 'roles', detail: expect.stringContaining('gprecoverseg -r') },
    ]);
    expect(badIn(rows)[0]?.detail).toContain('sdw1:7000');
    expect(badIn(rows)[0]?.detail).not.toContain('sdw1:6000');
  });

  test('name only the first ten of many instances', () => {
    const rows = Array.from({ length: 64 }, (_, content) => [
      row(content, 'p'),
      row(content, 'm', { status: 'd' }),
    ]);
    expect(judged(rows.flat()).get('mirrors')?.detail).toContain('and 54 more');
  });
});
