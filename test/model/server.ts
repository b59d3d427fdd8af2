import { execFile } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import {
  copyData,
  initialise,
  makeHome,
  type Owner,
  SUPERUSER,
  serverOwner,
} from '../../database/local-server/data.ts';
import {
  launch,
  type Postmaster,
  shutDown,
  untilReady,
} from '../../database/local-server/launch.ts';
import { freePort } from '../support/servers/free-port.ts';
import { waitFor } from '../support/wait-for.ts';

const run = promisify(execFile);
const HOST = '127.0.0.1';

const SETTINGS = {
  listen_addresses: HOST,
  unix_socket_directories: '',
  synchronous_commit: 'off',
  wal_level: 'replica',
  max_wal_senders: '4',
  max_connections: '60',
  max_prepared_transactions: '10',
  dynamic_shared_memory_type: 'mmap',
  autovacuum_naptime: '5s',
  jit: 'off',
  // A tablespace in the server's own files is copied with them.
  allow_in_place_tablespaces: 'on',
} as const;

/** A copy of a server's files, from which it can be restored. */
export interface KeptCopy {
  readonly home: string;
  /** A base backup starts a new timeline; a copy of the stopped server does not. */
  readonly kind: 'base backup' | 'cold copy';
}

/** One PostgreSQL server whose process and files the world replaces while its port stays. */
export class ModelServer {
  readonly host = HOST;
  readonly binDir: string;
  readonly port: number;
  /** Of its version. */
  readonly major: number;
  readonly user = SUPERUSER;
  readonly copies: KeptCopy[] = [];
  #home = '';
  #postmaster: Postmaster | undefined;
  #owner: Owner = {};
  readonly #settings: Record<string, string>;

  constructor(
    binDir: string,
    port: number,
    major: number,
    settings: Readonly<Record<string, string>>,
  ) {
    this.binDir = binDir;
    this.port = port;
    this.major = major;
    this.#settings = { ...SETTINGS, ...settings, port: String(port) };
  }

  static async start(binDir: string, major: number, settings: Readonly<Record<string, string>>) {
    const server = new ModelServer(binDir, await freePort(), major, settings);
    server.#owner = await serverOwner();
    server.#home = await makeHome(server.#owner);
    await initialise(binDir, server.#home, server.#owner, undefined);
    await server.#launch();
    return server;
  }

  /** Runs statements one after the other over a new connection. Throws the server's first error. */
  async sql(database: string, ...statements: readonly string[]): Promise<Row[]> {
    const client = await this.connect(database);
    try {
      let rows: Row[] = [];
      for (const statement of statements) {
        const result = await client.query<Row>(statement);
        rows = result.rows;
      }
      return rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async connect(database: string): Promise<Client> {
    const { host, port, user } = this;
    const client = new Client({ host, port, user, database, application_name: 'model' });
    // A crash of the server ends connections at any time.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }

  async setting(name: string, value: string | undefined): Promise<void> {
    if (value === undefined) delete this.#settings[name];
    else this.#settings[name] = value;
    await this.restart('SIGINT');
  }

  /** SIGINT is a fast shutdown; SIGQUIT an immediate one, after which the server recovers. */
  async restart(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    await this.#end(signal);
    await this.#launch();
  }

  /** Copies the files of the stopped server. */
  async keepColdCopy(): Promise<void> {
    await this.#end('SIGINT');
    const home = await makeHome(this.#owner);
    await copyData(this.#home, home, this.#owner);
    this.#keep({ home, kind: 'cold copy' });
    await this.#launch();
  }

  async keepBaseBackup(): Promise<void> {
    const home = await makeHome(this.#owner);
    await this.#baseBackup(home, '-X', 'fetch');
    this.#keep({ home, kind: 'base backup' });
  }

  /** Replaces the server's files by those of a copy. A base backup ends on a new timeline. */
  async restoreCopy({ home, kind }: KeptCopy): Promise<void> {
    await this.#end('SIGINT');
    const next = await makeHome(this.#owner);
    await copyData(home, next, this.#owner);
    if (kind === 'base backup')
      await writeFile(join(next, 'data', 'recovery.signal'), '', { mode: 0o644 });
    await rm(this.#home, { recursive: true, force: true, maxRetries: 3 });
    this.#home = next;
    await this.#launch({ restore_command: '/bin/false' });
    await this.#untilPrimary();
  }

  /** A standby takes over; what it has not received is lost. */
  async failOver(beforeCrash: () => Promise<void>): Promise<void> {
    const home = await makeHome(this.#owner);
    await this.#baseBackup(home, '-R', '-X', 'stream');
    const port = await freePort();
    const settings = { ...this.#settings, port: String(port) };
    const program = join(this.binDir, 'postgres');
    const standby = await launch({ program, home, owner: this.#owner, settings });
    const failure = await untilReady(home, standby).catch(String);
    if (failure !== undefined && standby.hasExited()) throw new Error(`standby: ${failure}`);
    await beforeCrash();
    await this.#end('SIGQUIT');
    await rm(this.#home, { recursive: true, force: true, maxRetries: 3 });
    await shutDown(standby);
    this.#home = home;
    await this.#launch({}, false);
    await this.sql('postgres', 'SELECT pg_promote()');
    await this.#untilPrimary();
  }

  /** Removes some summaries of the WAL, as an operator or wal_summary_keep_time does. */
  async removeSummaries(isRemoved: (file: string) => boolean): Promise<void> {
    for (const file of await this.summaries())
      if (isRemoved(file)) await rm(join(this.#summaries, file), { force: true });
  }

  summaries(): Promise<string[]> {
    return readdir(this.#summaries).catch(() => []);
  }

  get #summaries() {
    return join(this.#home, 'data', 'pg_wal', 'summaries');
  }

  /** Discards the WAL of the stopped server. */
  async resetWal(): Promise<void> {
    await this.#end('SIGINT');
    const program = join(this.binDir, 'pg_resetwal');
    await run(program, ['-f', '-D', join(this.#home, 'data')], { ...this.#owner, cwd: '/' });
    await this.#launch();
  }

  async stop(): Promise<void> {
    if (this.#postmaster !== undefined) await shutDown(this.#postmaster);
    for (const home of [this.#home, ...this.copies.map((copy) => copy.home)])
      await rm(home, { recursive: true, force: true, maxRetries: 3 });
  }

  #keep(copy: KeptCopy): void {
    this.copies.push(copy);
    const [oldest] = this.copies;
    if (this.copies.length <= COPIES_MAX || oldest === undefined) return;
    this.copies.shift();
    void rm(oldest.home, { recursive: true, force: true, maxRetries: 3 });
  }

  async #baseBackup(home: string, ...more: string[]): Promise<void> {
    const from = ['-h', HOST, '-p', String(this.port), '-U', SUPERUSER, '-c', 'fast'];
    const program = join(this.binDir, 'pg_basebackup');
    const to = ['-D', join(home, 'data'), ...more];
    await run(program, [...from, ...to], { ...this.#owner, cwd: home });
  }

  async #end(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const server = this.#postmaster;
    if (server === undefined) return;
    process.kill(server.pid, signal);
    await server.exited;
  }

  async #launch(more: Record<string, string> = {}, isPrimary = true): Promise<void> {
    const program = join(this.binDir, 'postgres');
    const settings = { ...this.#settings, ...more };
    const server = await launch({ program, home: this.#home, owner: this.#owner, settings });
    this.#postmaster = server;
    const failure = await untilReady(this.#home, server);
    if (failure !== undefined && (isPrimary || server.hasExited())) throw new Error(failure);
  }

  #untilPrimary(): Promise<true> {
    return waitFor('the end of the recovery', async () => {
      const look = this.sql('postgres', 'SELECT pg_is_in_recovery() AS standby');
      const [row] = await look.catch(() => []);
      return row?.['standby'] === false ? true : undefined;
    });
  }
}

const COPIES_MAX = 2;

export type Row = Readonly<Record<string, unknown>>;
