import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTROL_VERSION } from '../../../segment-shipper/protocol/control.ts';
import { TIMESTAMP } from './shipper.ts';

const pathOf = (file: string) => fileURLToPath(new URL(`../../../${file}`, import.meta.url));
const STALLED = ['--import', pathOf('test/support/servers/stalled.ts')];

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-drained-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function endOf(child: ChildProcess): Promise<{ code: number | null; out: string }> {
  let out = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out };
}

/** No relations, so no database: one small file, whose upload never ends. */
const job = {
  control: CONTROL_VERSION,
  type: 'backup',
  content: 0,
  target: { host: 'localhost', port: 1, database: 'none', user: 'none' },
  workers: 1,
  fifoBase: '/tmp',
  timestamp: TIMESTAMP,
  attempt: 1,
  encoding: 'UTF8',
  frameBytes: 4096,
  packBytes: 65_536,
  level: 1,
  metadata: ['sequences.sql.zst'],
  collect: false,
  relations: [],
};

describe('when the event loop drains before the work is done', () => {
  it('plain Node exits with code 0, which is the reason for these tests', async () => {
    const script = 'await new Promise(() => undefined).catch(console.error);';
    const plain = spawn(process.execPath, ['-e', `(async () => { ${script} })()`], {
      stdio: 'ignore',
    });
    expect((await endOf(plain)).code).toBe(0);
  });

  it('the shipper exits with code 1 and does not report done', async () => {
    const child = spawn(process.execPath, [...STALLED, pathOf('segment-shipper/main.ts')], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin?.write(`${JSON.stringify({ ...job, store: { root: `file://${folder}/root` } })}\n`);
    const { code, out } = await endOf(child);
    expect(out).toContain('"type":"hello"');
    expect(out).not.toContain('"type":"done"');
    expect(code).toBe(1);
  });

  it('a command exits with code 1 and prints no result', async () => {
    const config = join(folder, 'stowage.yaml');
    const segments = [{ content: 0, host: 'localhost' }];
    await writeFile(
      config,
      JSON.stringify({ root: `file://${folder}/root`, database: 'none', segments }),
    );
    const args = [...STALLED, pathOf('cli/main.ts'), 'list', '--json', '--config', config];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const { code, out } = await endOf(child);
    expect(out).toBe('');
    expect(code).toBe(1);
  });
});
