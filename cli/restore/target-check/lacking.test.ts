import { describe, expect, test } from 'vitest';
import { noNeeds } from '../../../database/needs/needs.ts';
import type { ServerHas } from '../../../database/needs/server.ts';
import { lackingReasons, needsOn } from './lacking.ts';
import type { LookedAt } from './server.ts';
import type { SetNeeds } from './set-needs.ts';

const NOTHING_MISSING = { roles: [], tablespaces: [], languages: [], accessMethods: [] };

function looked(
  content: number,
  needs: Partial<SetNeeds>,
  has: Partial<Omit<ServerHas, 'missing'>> & { missing?: Partial<ServerHas['missing']> } = {},
): LookedAt {
  return {
    segment: { content, host: 'db', port: 5432 },
    database: 'shop',
    tables: { exists: false, existing: 0, reasons: [] },
    has: {
      version: '15.18',
      extensions: [],
      locks: {} as ServerHas['locks'],
      ...has,
      missing: { ...NOTHING_MISSING, ...has.missing },
    },
    needs: {
      ...noNeeds(),
      created: { roles: new Set(), tablespaces: new Set() },
      archives: [],
      ...needs,
    },
  };
}

function reasonsOf(segments: LookedAt[], request: { noOwner?: boolean; noAcl?: true } = {}) {
  const { noOwner = false, noAcl } = request;
  const wanted = { noOwner, ...(noAcl && { noAcl }) };
  return lackingReasons(needsOn(segments, wanted), segments, wanted).map(({ message }) => message);
}

describe('roles that a target lacks', () => {
  const both = [0, 1].map((content) =>
    looked(
      content,
      { owners: new Set(['app']), grantees: new Set(['reader']) },
      { missing: { roles: content === 0 ? ['app', 'reader'] : ['app'] } },
    ),
  );

  test('are one reason for all contents, with both ways out', () => {
    expect(reasonsOf(both)).toEqual([
      'the target lacks roles app, reader on content 0, 1: they own objects of the set, or have rights on objects of it. Restore the roles of the set too with --globals, or leave owners and rights out with --no-owner --no-acl',
    ]);
  });

  test('are no reason when the restore leaves owners and rights out', () => {
    expect(reasonsOf(both, { noOwner: true, noAcl: true })).toEqual([]);
    const [owners = ''] = reasonsOf(both, { noAcl: true });
    expect(owners).toContain('lacks role app');
    expect(owners).toMatch(/with --no-owner$/);
  });

  test('are no reason when --globals restores them', () => {
    const created = { roles: new Set(['app', 'reader']), tablespaces: new Set<string>() };
    const [needs] = both.map((one) => one.needs);
    const one = looked(0, { ...(needs as SetNeeds), created }, { missing: { roles: ['app'] } });
    expect(reasonsOf([one])).toEqual([]);
  });

  test('cannot be left out when a policy names them', () => {
    const one = looked(0, { members: new Set(['app']) }, { missing: { roles: ['app'] } });
    const [reason = ''] = reasonsOf([one], { noOwner: true, noAcl: true });
    expect(reason).toContain('named by its policies or user mappings');
    expect(reason).toMatch(/with --globals$/);
  });
});

test('extensions that are not installed on a server, or that the role may not create, are reasons', () => {
  const extension = (name: string, more: object) => ({
    name,
    available: '1.0',
    installed: false,
    mayCreate: true,
    ...more,
  });
  const one = looked(
    1,
    {},
    {
      extensions: [
        extension('citext', {}),
        extension('postgis', { available: null }),
        extension('plperlu', { mayCreate: false }),
        extension('there', { available: null, installed: true }),
      ],
    },
  );
  const [missing, denied, ...others] = reasonsOf([one]);
  expect(missing).toContain('lacks extension postgis on content 1');
  expect(missing).toContain('for PostgreSQL 15');
  expect(denied).toContain('may not create extension plperlu on content 1');
  expect(others).toEqual([]);
});

test('an access method is no reason when the set or one of its extensions may bring it', () => {
  const missing = { missing: { accessMethods: ['columnar'] } };
  const accessMethods = new Set(['columnar']);
  expect(reasonsOf([looked(0, { accessMethods }, missing)])[0]).toContain('access method columnar');
  const brought = new Set(['columnar']);
  expect(reasonsOf([looked(0, { accessMethods, brought }, missing)])).toEqual([]);
  const citus = { name: 'citus', available: '1', installed: false, mayCreate: true };
  expect(reasonsOf([looked(0, { accessMethods }, { ...missing, extensions: [citus] })])).toEqual(
    [],
  );
});
