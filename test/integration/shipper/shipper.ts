import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { openSession, type Session } from '../../../database/session/session.ts';
import {
  type BackupJob,
  CONTROL_VERSION,
  type Report,
} from '../../../segment-shipper/protocol/control.ts';
import type { TestServer } from '../../support/servers/postgres.ts';
import { readUntil } from '../../support/wait-for.ts';

const ENTRY = fileURLToPath(new URL('../../../segment-shipper/main.ts', import.meta.url));
export const TIMESTAMP = '20260131120000';

/** A shipper as the coordinator starts it, and all its reports. */
export interface RunningShipper {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly reports: readonly Report[];
  readonly stderr: () => string;
  /** Resolves with the first report of this type; rejects when the process ends without it. */
  reported<Type extends Report['type']>(
    type: Type,
    test?: (report: Extract<Report, { type: Type }>) => boolean,
  ): Promise<Extract<Report, { type: Type }>>;
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

const running: RunningShipper[] = [];

/** Kills the shippers that a failed test has left. */
export async function endAll(): Promise<void> {
  for (const { child, exit } of running.splice(0)) {
    child.kill('SIGKILL');
    await exit;
  }
}

export function runShipper(...lines: readonly unknown[]): RunningShipper {
  const child = spawn(process.execPath, [ENTRY], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  for (const line of lines)
    child.stdin.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  const reports: Report[] = [];
  let wake = () => {};
  let changed = new Promise<void>((resolve) => (wake = resolve));
  const notify = () => {
    wake();
    changed = new Promise<void>((resolve) => (wake = resolve));
  };
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    reports.push(...parts.map((part) => JSON.parse(part) as Report));
    notify();
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let ended = false;
  const exit = once(child, 'close').then(([code, signal]) => {
    ended = true;
    notify();
    return { code: code as number | null, signal: signal as NodeJS.Signals | null };
  });
  const shipper: RunningShipper = {
    child,
    reports,
    stderr: () => stderr,
    exit,
    async reported(type, test = () => true) {
      for (;;) {
        const found = reports.find((report) => report.type === type && test(report as never));
        if (found !== undefined) return found as never;
        if (ended)
          throw new Error(
            `the shipper ended without ${type}: ${JSON.stringify(reports.at(-1))}; ${stderr}`,
          );
        await changed;
      }
    },
  };
  running.push(shipper);
  return shipper;
}

/** Holds a snapshot open, as the coordinator's barrier does. */
export async function holdSnapshot(
  server: TestServer,
  database = 'postgres',
): Promise<{ id: string; session: Session }> {
  const session = await openSession(server.target(database), {
    purpose: 'holder',
    applicationName: 'stowage holder',
  });
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const [row] = await session.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
  return { id: row?.id ?? '', session };
}

/**
 * Lets a shipper read these relations by SELECT, as an extension's configuration tables, so that
 * views can take the place of tables.
 */
export async function readBySelect(server: TestServer, names: readonly string[]): Promise<void> {
  const oids = names.map((name) => `'public.${name}'::regclass`).join(', ');
  const conditions = names.map(() => "'WHERE true'").join(', ');
  await server.psql(
    `UPDATE pg_extension SET extconfig = ARRAY[${oids}]::oid[], extcondition = ARRAY[${conditions}] WHERE extname = 'plpgsql'`,
  );
}

export interface TableToShip {
  readonly name: string;
  readonly columns: readonly string[];
}

export function backupJob(
  server: TestServer,
  snapshotId: string,
  directory: string,
  tables: readonly TableToShip[],
  options: Partial<BackupJob> = {},
): BackupJob {
  return {
    control: CONTROL_VERSION,
    type: 'backup',
    content: 0,
    target: server.target(),
    store: { root: `file://${directory}` },
    workers: 4,
    timestamp: TIMESTAMP,
    attempt: 1,
    snapshotId,
    collect: false,
    fifoBase: '/tmp',
    encoding: 'UTF8',
    frameBytes: 4 * 1024 * 1024,
    packBytes: 1024 * 1024 * 1024,
    level: 1,
    metadata: ['globals.sql.zst', 'schema.dump', 'sequences.sql.zst'],
    relations: tables.map(({ name, columns }, id) => ({
      id,
      schema: 'public',
      name,
      kind: 'table',
      columns: [...columns],
      bytesEstimated: 0,
    })),
    ...options,
  };
}

/** Sessions of shippers. Waits, because a backend notices a broken connection late. */
export async function backendsLeft(server: TestServer, withinMs = 20_000): Promise<string> {
  return readUntil(
    () =>
      server.psql(
        "SELECT pid, application_name, state, query FROM pg_stat_activity WHERE application_name ~ '^stowage (backup|restore|content)'",
      ),
    (left) => left === '',
    withinMs,
  );
}

/** Unfinished files in a directory store. */
export async function unfinished(directory: string): Promise<string[]> {
  return readdir(join(directory, '.tmp')).catch(() => []);
}

/** Keys of all finished objects in a directory store. */
export async function filesBelow(directory: string): Promise<string[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/.tmp'))
    .map((entry) => join(entry.parentPath, entry.name));
}
