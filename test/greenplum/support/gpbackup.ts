import { execFile } from 'node:child_process';
import { chmod, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Place } from '../../support/e2e/place.ts';
import { GPBACKUP_PLUGIN } from '../../support/programs/programs.ts';
import type { TestDatabase } from './database.ts';

/**
 * A program that runs its arguments as the user of Greenplum, in the environment of gpbackup and
 * gprestore (docs/testing.md). Without it the suites of the plugin are skipped.
 */
export const GPBACKUP_RUN = process.env['STOWAGE_TEST_GPBACKUP'] ?? '';

export const TABLES = ['hashed', 'spread', 'parted', 'copied', '"Odd ""T"""'];
export const SCRIPT = `
CREATE TABLE hashed (id int, v text) DISTRIBUTED BY (id);
INSERT INTO hashed SELECT g, CASE g % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE E'a,"b"\\nc' || g END FROM generate_series(1, 5000) g;
CREATE TABLE spread (id int) WITH (appendonly=true) DISTRIBUTED RANDOMLY;
INSERT INTO spread SELECT generate_series(1, 1000);
CREATE TABLE parted (id int, day date) DISTRIBUTED BY (id) PARTITION BY RANGE (day) (START (date '2024-01-01') END (date '2024-03-01') EVERY (interval '1 month'));
INSERT INTO parted SELECT g, date '2024-01-01' + g % 60 FROM generate_series(1, 500) g;
CREATE TABLE copied (id int) DISTRIBUTED REPLICATED;
INSERT INTO copied SELECT generate_series(1, 10);
CREATE TABLE "Odd ""T""" ("Col A" int) DISTRIBUTED BY ("Col A");`;

/** Runs a program as the user of Greenplum. @returns what it prints. */
export const runAsOwner = async (...args: string[]) =>
  (await promisify(execFile)(GPBACKUP_RUN, args, { timeout: 300_000 })).stdout;

/** Takes a backup. @returns its timestamp. */
export async function gpbackup(...args: string[]): Promise<string> {
  const printed = await runAsOwner('gpbackup', ...args);
  return /Backup Timestamp = (\d{14})/.exec(printed)?.[1] ?? '';
}

/** A root that gpbackup, which runs as another user, can write. */
export async function openRoot(place: Place): Promise<string> {
  const root = place.newRoot();
  await mkdir(fileURLToPath(root));
  await chmod(fileURLToPath(root), 0o777);
  await chmod(place.folder, 0o755);
  if (GPBACKUP_PLUGIN.endsWith('/stowage-gpbackup-plugin'))
    await chmod(dirname(GPBACKUP_PLUGIN), 0o755);
  return root;
}

/** Rows of tables, in an order of their own. */
export const rowsOf = async (database: TestDatabase, tables: readonly string[] = TABLES) =>
  Promise.all(
    tables.map((table) =>
      database.psql(
        `SELECT count(*), md5(string_agg(t::text, ';' ORDER BY t::text)) FROM ${table} t`,
      ),
    ),
  );
