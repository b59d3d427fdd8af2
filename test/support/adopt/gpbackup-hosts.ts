import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { setKeysPrefix } from '../../../backup-set/base/keys.ts';
import { type CliResult, stowage } from '../cli.ts';
import { type TestKeys, testKeys } from '../e2e/encryption.ts';
import { GPBACKUP_PLUGIN } from '../programs/programs.ts';
import { type StrictS3, startStrictS3 } from '../servers/strict-s3/strict-s3.ts';
import { waitUntil } from '../wait-for.ts';
import { callPlugin, FIXTURE_TIMESTAMP, type Replay, replayBackup } from './gpbackup-replay.ts';

const env = { AWS_ACCESS_KEY_ID: 'operator', AWS_SECRET_ACCESS_KEY: 'secret' };
const SOCKETS = `/tmp/stowage-gpbackup-${userInfo().uid}`;
const ON = { encryption: 'on' };

/** Hosts with a plugin configuration and a stowage.yaml each, and an object store. */
export async function gpbackupHosts() {
  const [folder, strict] = await Promise.all([mkdtemp(join(tmpdir(), 'sealed-')), startStrictS3()]);
  const keys = await testKeys(folder);
  return new GpbackupHosts(folder, strict, keys, await testKeys(folder));
}

export class GpbackupHosts {
  readonly folder: string;
  readonly strict: StrictS3;
  /** Of the operator of this cluster, and of another one. */
  readonly keys: TestKeys;
  readonly others: TestKeys;

  constructor(folder: string, strict: StrictS3, keys: TestKeys, others: TestKeys) {
    this.folder = folder;
    this.strict = strict;
    this.keys = keys;
    this.others = others;
  }

  /**
   * The plugin configuration of a host that has this section in its stowage.yaml. Each has a
   * resident process of its own, as hosts have.
   */
  async with(name: string, encryption: unknown, options: object = ON): Promise<string> {
    const { root, endpoint } = this.strict;
    const file = this.stowageOf(name);
    const cluster = { cluster: 'shop', flavour: 'greenplum', database: 'tiny', coordinator: {} };
    const stored = { root: `${root}/shop`, storage: { endpoint }, functions: 'inline' };
    const section = encryption === undefined ? {} : { encryption };
    await writeFile(file, stringify({ ...cluster, ...stored, ...section }));
    const config = join(this.folder, `${this.folder.slice(-6)}-${name}.yaml`);
    const all = { config: file, node: process.execPath, ...options };
    await writeFile(config, stringify({ executablepath: GPBACKUP_PLUGIN, options: all }));
    return config;
  }

  /** A backup of a coordinator and two segment hosts, none of which has an identity. */
  async encryptedBackup(second: unknown = this.keys.section(false)) {
    const own = this.keys.section(false);
    const config = await this.with('coordinator', own);
    const segments = [await this.with('host-0', own), await this.with('host-1', second)];
    const configOf = (content: number) => segments[content] ?? config;
    return { config, end: await this.replay({ config, configOf }) };
  }

  replay(more: Pick<Replay, 'config' | 'configOf' | 'between'>) {
    return replayBackup({ ...more, host: this.folder, env });
  }

  call(...args: string[]) {
    return callPlugin(args, { env });
  }

  /** A command of Stowage with the stowage.yaml of a host. */
  run(args: readonly string[], name: string, options: object = {}): Promise<CliResult> {
    return stowage(args, { config: this.stowageOf(name), env, ...options });
  }

  stowageOf(name: string): string {
    return join(this.folder, `${name}-stowage.yaml`);
  }

  /** The path that gpbackup gives a file of segment 0. */
  pathOf(base: string): string {
    return join(this.folder, `seg0/backups/20261129/${FIXTURE_TIMESTAMP}/${base}`);
  }

  /** The first stored object whose key contains a text. */
  stored(text: string) {
    const [key, object] = [...this.strict.objects].find(([one]) => one.includes(text)) ?? [];
    if (key === undefined || object === undefined) throw new Error(`no ${text} is stored`);
    return { key, object };
  }

  keyDocuments(): string[] {
    const prefix = setKeysPrefix(FIXTURE_TIMESTAMP);
    return [...this.strict.objects.keys()].filter((key) => key.includes(prefix));
  }

  /** Ends the resident processes, as the last call of gpbackup does. */
  async endProcesses(): Promise<void> {
    for (const name of await this.#sockets())
      await this.call(
        'cleanup_plugin_for_restore',
        join(this.folder, name),
        '/tmp',
        'segment_host',
      );
    await waitUntil(async () => (await this.#sockets()).length === 0);
  }

  async #sockets(): Promise<string[]> {
    const own = new Set(await readdir(this.folder));
    return (await readdir(SOCKETS).catch(() => [])).filter((one) => own.has(one));
  }

  async stop(): Promise<void> {
    await this.strict.stop();
    // What gprestore has named, as nothing calls the end of a restore here.
    for (const name of await readdir(this.folder))
      await rm(join(SOCKETS, `${name}.sets`), { force: true });
    await rm(this.folder, { recursive: true, force: true });
  }
}
