import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stringify } from 'yaml';

const MAIN = join(import.meta.dirname, '../../main.ts');

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-stdin-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Adopts a script that `stowage adopt pg_dump -` reads from a pipe. */
async function adopted(script: string) {
  const config = join(folder, 'stowage.yaml');
  const server = { segments: [{ content: 0, host: 'localhost', port: 5432 }] };
  await writeFile(
    config,
    stringify({
      ...{ cluster: 'shop', flavour: 'shards', database: 'shop', functions: 'inline' },
      ...{ ...server, root: `file://${folder}/root`, connection: { user: 'backup' } },
    }),
  );
  const args = ['adopt', 'pg_dump', '-', '--timestamp', '20260131120000', '--config', config];
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(script);
  const [out, errors, [code]] = await Promise.all([
    Array.fromAsync(child.stdout as AsyncIterable<Buffer>),
    Array.fromAsync(child.stderr as AsyncIterable<Buffer>),
    once(child, 'close'),
  ]);
  return { code: code as number, text: Buffer.concat([...out, ...errors]).toString() };
}

const framed = (title: string, text: string) =>
  `--\n-- ${title}\n--\n\n${text}--\n-- ${title} complete\n--\n\n`;
const SETTINGS = `SET client_encoding = 'UTF8';\nSET standard_conforming_strings = on;\n`;
const EMPTY_PATH = `SELECT pg_catalog.set_config('search_path', '', false);\n\n`;

const databaseDump = (name: string, objects: string) =>
  `--\n-- Database "${name}" dump\n--\n\n\\connect ${name}\n\n` +
  framed('PostgreSQL database dump', `${SETTINGS}${EMPTY_PATH}${objects}`);
const tableDump = (name: string) => {
  const heading = (of: string, kind: string) =>
    `--\n-- ${of}Name: ${name}; Type: ${kind}; Schema: public; Owner: u\n--\n\n`;
  const made = `CREATE TABLE public.${name} (\n    a integer\n);\n\n\n`;
  const rows = `COPY public.${name} (a) FROM stdin;\n1\n2\n\\.\n\n\n`;
  return heading('', 'TABLE') + made + heading('Data for ', 'TABLE DATA') + rows;
};
const CLUSTER = framed(
  'PostgreSQL database cluster dump',
  SETTINGS +
    databaseDump('app', tableDump('t')) +
    databaseDump('postgres', '') +
    databaseDump('shop', tableDump('s')),
);

/** Each starts Node. */
const WAIT_MS = 60_000;

test(
  'a pipe of pg_dumpall that breaks off in an empty database makes the last set incomplete',
  async () => {
    const at = CLUSTER.indexOf('client_encoding', CLUSTER.indexOf('\\connect postgres'));
    const { code, text } = await adopted(CLUSTER.slice(0, at));
    expect(code, text).toBe(3);
    expect(text).toMatch(/set 20260131120000 is incomplete/);
  },
  WAIT_MS,
);
