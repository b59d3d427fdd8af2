import { describe, expect, test } from 'vitest';
import { isStowageError, type StowageError } from '../../backup-set/base/errors.ts';
import { type PrimaryRow, parseVersion, segmentsOf } from './topology.ts';
import { traitsOf } from './versions.ts';

describe('the version', () => {
  // As the servers said it.
  test.each([
    [
      'PostgreSQL 9.4.26 (Greenplum Database 6.24.3 build commit:25d3498a400ca5230e81abb94861f23389315213) on x86_64-unknown-linux-gnu, compiled by gcc (Debian 12.2.0-14+deb12u1) 12.2.0, 64-bit compiled on Nov 22 2026 21:46:24',
      { text: '6.24.3', major: 6 },
    ],
    [
      'PostgreSQL 12beta2 (Greenplum Database 7.0.0-alpha.0 build dev) on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14+deb12u1) 12.2.0, 64-bit compiled on Nov 22 2026 21:52:16',
      { text: '7.0.0-alpha.0', major: 7 },
    ],
    [
      'PostgreSQL 12.12 (Greenplum Database 7.4.0 build commit:27de6dc6d00607a5630a41fd2c0ad489f40e2ad4) on x86_64-pc-linux-gnu, compiled by gcc (GCC) 8.5.0 20210514 (Red Hat 8.5.0-22), 64-bit compiled on Jan 31 2025 03:17:23 Bhuvnesh C.',
      { text: '7.4.0', major: 7 },
    ],
    [
      'PostgreSQL 12.12 (Greenplum Database 7.2.0_arenadata5 build 103+git7888a88) on x86_64-pc-linux-gnu',
      { text: '7.2.0_arenadata5', major: 7 },
    ],
    [
      'PostgreSQL 14.4 (Cloudberry Database 1.0.0 build dev) on x86_64-pc-linux-gnu, compiled by gcc (GCC) 11.5.0 20240719 (Red Hat 11.5.0-2), 64-bit compiled on Dec 20 2024 21:02:13 (with assert checking)',
      { text: '1.0.0', major: 7 },
    ],
    [
      'PostgreSQL 14.4 (Apache Cloudberry 2.0.0-incubating build 1) on aarch64-unknown-linux-gnu, compiled by gcc (GCC) 11.5.0 20240719 (Red Hat 11.5.0-11), 64-bit',
      { text: '2.0.0-incubating', major: 7 },
    ],
    [
      'PostgreSQL 14.4 (Apache Cloudberry 2.0.0-devel+dev.1959.g94a81765e6 build dev) on x86_64-pc-linux-gnu',
      { text: '2.0.0-devel+dev.1959.g94a81765e6', major: 7 },
    ],
  ])('is parsed from %s', (text, version) => {
    expect(parseVersion(text)).toEqual(version);
  });

  test('counts as 7 for a later major, by the number and not by its first digit', () => {
    expect(parseVersion('PostgreSQL 16.1 (Greenplum Database 10.1.0 build 1) on x86_64')).toEqual({
      text: '10.1.0',
      major: 7,
    });
  });

  test.each([
    'PostgreSQL 15.14 (Debian 15.14-0+deb12u1) on x86_64-pc-linux-gnu, compiled by gcc (Debian 12.2.0-14+deb12u1) 12.2.0, 64-bit',
    'PostgreSQL 9.4.26 on x86_64-unknown-linux-gnu, compiled by gcc (GCC) 4.8.5, 64-bit',
    'PostgreSQL 16.1 (Greenplum Database) on x86_64',
    '',
  ])('is undefined for another product: %s', (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });
});

test('each version has its own option for utility sessions', () => {
  expect(traitsOf({ major: 6 }).utilityOptions).toBe('-c gp_session_role=utility');
  expect(traitsOf({ major: 7 }).utilityOptions).toBe('-c gp_role=utility');
});

describe('the segments', () => {
  const primary = (content: number, change: Partial<PrimaryRow> = {}): PrimaryRow => ({
    content,
    host: `sdw${content}`,
    port: 6000 + content,
    dataDir: `/data/gpseg${content}`,
    status: 'u',
    ...change,
  });

  function refusalOf(rows: readonly PrimaryRow[]): StowageError {
    try {
      segmentsOf(rows, '');
    } catch (error) {
      if (isStowageError(error, 'database/unreachable')) return error;
      throw error;
    }
    throw new Error('it was taken for a whole cluster');
  }

  test('are in the order of their contents, for any order of the catalog, with the options to connect', () => {
    // Past ten, an order of texts would be another.
    const contents = Array.from({ length: 12 }, (_, content) => content);
    const segments = segmentsOf(
      contents.toReversed().map((content) => primary(content)),
      '-c gp_role=utility',
    );
    expect(segments).toEqual(
      contents.map((content) => ({
        content,
        host: `sdw${content}`,
        port: 6000 + content,
        dataDir: `/data/gpseg${content}`,
        options: '-c gp_role=utility',
      })),
    );
  });

  test('are an error that names the content whose primary is down', () => {
    const error = refusalOf([primary(0), primary(1, { status: 'd' }), primary(2)]);
    expect(error.where).toEqual({ content: 1 });
    expect(error.message).toContain('content 1 has no primary that is up');
  });

  test('are an error when the last content is down: it does not count as a smaller cluster', () => {
    expect(refusalOf([primary(0), primary(1, { status: 'd' })]).where).toEqual({ content: 1 });
  });

  test('are an error when the catalog lacks a content below the last', () => {
    expect(refusalOf([primary(0), primary(2)]).where).toEqual({ content: 1 });
  });

  test('are an error when there are none', () => {
    expect(refusalOf([]).message).toContain('no segment');
  });
});
