import { describe, expect, test } from 'vitest';
import { restoreFault } from './restore-program.ts';
import { dumpFit, fitting, majorOf, restoreFit } from './versions.ts';

const programs = (...versions: string[]) =>
  versions.map((version) => ({ version, folder: `/pg/${version}` }));

test('majorOf orders releases, also those before 10', () => {
  expect(['9.4.26', '9.6.1', '10.2', '15.18', '18beta1'].map(majorOf)).toEqual([
    9.04, 9.06, 10, 15, 18,
  ]);
});

describe('of several programs', () => {
  test.each([
    ['15.18', ['17.10', '15.18'], '15.18'],
    ['15.4', ['16.1', '15.18', '13.1'], '15.18'],
    ['14.2', ['17.10', '16.9', '15.18'], '15.18'],
    ['17.10', ['15.18', '16.9'], undefined],
  ])('a backup of PostgreSQL %s takes, of %j, %s', (server, found, chosen) => {
    expect(fitting(programs(...found), dumpFit(server))?.version).toBe(chosen);
  });

  test.each([
    // [format of the archive, server, programs, chosen]
    [14, '15.18', ['17.10', '15.18'], '15.18'],
    [14, '17.10', ['15.18', '17.10'], '17.10'],
    [14, '17.10', ['15.18'], '15.18'],
    [15, '15.18', ['15.18', '16.9', '17.10'], '16.9'],
    [16, '17.10', ['15.18', '18.1'], '18.1'],
    [16, '15.18', ['15.18', '16.9', '17.10'], undefined],
    [14, '15.18', ['17.10'], undefined],
    [13, '13.2', ['12.9'], '12.9'],
  ])(
    'a restore of format 1.%i into PostgreSQL %s takes, of %j, %s',
    (minor, server, found, chosen) => {
      expect(fitting(programs(...found), restoreFit({ minor }, server, true))?.version).toBe(
        chosen,
      );
    },
  );

  test('pg_restore 17 may print the statements for an older server', () => {
    const fit = restoreFit({ minor: 16 }, '15.18', false);
    expect(fitting(programs('15.18', '17.10'), fit)?.version).toBe('17.10');
  });
});

describe('the reason why no program fits', () => {
  const at = { host: 'db1', port: 5432 };
  const fault = (minor: number, dumped: string, server: string, ...found: string[]) =>
    restoreFault(
      at,
      {
        archive: { minor, serverVersion: dumped, dumpVersion: dumped },
        file: 'schema.dump',
        serverVersion: server,
        connects: true,
      },
      programs(...found),
    );

  test('names the program that is too old, and which one to install', () => {
    expect(fault(16, '17.10', '17.10', '15.18')).toBe(
      '/pg/15.18/pg_restore is version 15.18, but schema.dump of the set was written by pg_dump 17.10: only pg_restore 17 or later reads it. Install the programs of PostgreSQL 17 on this host, or set connection.binDir to their folder',
    );
  });

  test('names the program that is too new for the server', () => {
    expect(fault(14, '15.18', '15.18', '17.10')).toMatch(
      /^\/pg\/17\.10\/pg_restore is version 17\.10, which cannot restore into db1:5432, which is PostgreSQL 15\.18: .* Install the programs of PostgreSQL 15 /,
    );
  });

  test('says that no program can, and the ways out', () => {
    expect(fault(16, '17.10', '15.18', '15.18', '17.10')).toMatch(
      /only pg_restore 17 or later reads it, and that cannot restore into db1:5432.* Restore into PostgreSQL 17 or later, or .*--truncate$/,
    );
  });

  test('says where pg_restore was looked for', () => {
    expect(fault(14, '15.18', '15.18')).toMatch(
      /^the program pg_restore was not found on this host/,
    );
  });
});
