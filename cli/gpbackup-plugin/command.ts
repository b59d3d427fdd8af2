import { randomInt } from 'node:crypto';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { rememberedReads } from '../../storage/wrapped/remembered-reads.ts';
import { encryptsBackups } from '../backup/keys/backup-keys.ts';
import type { PlainCommand } from '../command.ts';
import { loadConfig } from '../config/config.ts';
import type { ClusterContext, Context } from '../context.ts';
import { withStore } from '../open.ts';
import { decidingVerdict, functionDeps, waitForFunctions } from '../wait-for-functions.ts';
import { uploadsAtOnce } from './admission.ts';
import { deleteBackup } from './delete-backup.ts';
import { giveFile, giveRanges, readOffsets } from './give-file.ts';
import { type Answer, type Call, listen } from './listen.ts';
import { readPluginOptions } from './options.ts';
import { placeOf } from './place.ts';
import { provenFiles } from './proven-files.ts';
import { sealSet } from './seal/seal-set.ts';
import { type Plugin, storeFile, storeLocalFile } from './store-file.ts';

const UPLOADS_AT_ONCE = 24;
/** After a gpbackup that was killed, no call ends the process. */
const IDLE_MS = 10 * 60_000;
const WORKER_MAX = 9_999;
const VERDICT_MS_MAX = 60_000;
const DOCUMENTS_KEPT_BYTES_MAX = 64 * 1024 * 1024;

export const gpbackupPluginCommand: PlainCommand = {
  usage: 'gpbackup-plugin <config>',
  summary: 'the resident process of stowage-gpbackup-plugin, which starts it',
  details:
    '<config> is the plugin configuration of gpbackup. The process ends with the cleanup call of gpbackup, or 10 minutes after the last call. See docs/gpbackup-plugin.md.',
  flags: [['--socket <path>', 'the Unix socket to listen on (required)']],
  async run({ flags, positional, context }) {
    const [path = ''] = positional;
    const socket = flags['socket'];
    if (typeof socket !== 'string')
      throw new StowageError('usage/flag', 'gpbackup-plugin needs --socket PATH');
    const cluster = await clusterOf(context, path);
    await withStore(cluster, (store) => {
      const plugin: Plugin = {
        store,
        clock: context.clock,
        worker: randomInt(1, WORKER_MAX + 1),
        stored: new Map(),
      };
      const { answer, isDone } = answering(cluster, plugin);
      return listen({ socket, config: path, idleMs: IDLE_MS, answer, isDone }, context.signal);
    });
    return 0;
  },
};

/** The options override the file that they name; without a file they must name the root. */
async function clusterOf(context: Context, path: string): Promise<ClusterContext> {
  const { config, root, endpoint, region, cluster } = await readPluginOptions(path);
  const loaded = await loadConfig({
    env: context.env,
    file: config ?? '/dev/null',
    flags: {
      root,
      cluster,
      'storage.endpoint': endpoint,
      'storage.region': region,
      // Of each set, gpbackup names the database.
      ...(config === undefined && { database: 'gpbackup', flavour: 'greenplum' }),
    },
  });
  return { ...context, ...loaded };
}

function answering(context: ClusterContext, plugin: Plugin) {
  const admit = uploadsAtOnce(UPLOADS_AT_ONCE);
  const { store } = plugin;
  const proven = provenFiles(functionDeps(context, store));
  let isDone = false;
  const answer = async (call: Call, signal: AbortSignal): Promise<Answer> => {
    const { name, path, scope } = call;
    const ofCoordinator = scope === 'master' || scope === 'coordinator';
    if (STORING.has(name)) requirePlainBackups(context, path);
    switch (name) {
      case 'setup_plugin_for_backup':
        if (ofCoordinator) await requireNewSet(store, path);
        return undefined;
      case 'setup_plugin_for_restore':
        return undefined;
      case 'backup_data':
        await admit(placeOf(path), (place) => storeFile(plugin, place, call.body, signal));
        return undefined;
      case 'backup_file':
        await admit(placeOf(path), (place) => storeLocalFile(plugin, place, path, signal));
        return undefined;
      case 'restore_file':
        await giveFile(proven.read(placeOf(path), signal), path, signal);
        return undefined;
      case 'restore_data':
        return proven.read(placeOf(path), signal);
      case 'restore_data_subset':
        return giveRanges(store, placeOf(path), await readOffsets(call.offsets), signal);
      case 'delete_backup':
        await deleteBackup({ ...functionDeps(context, store), signal }, path);
        return undefined;
      case 'cleanup_plugin_for_backup':
        if (scope !== 'segment') isDone = true;
        if (ofCoordinator) await proveSet(context, plugin, timestampIn(path));
        return undefined;
      case 'cleanup_plugin_for_restore':
        if (scope !== 'segment') isDone = true;
        return undefined;
      default:
        throw new StowageError('usage/flag', `unknown call ${JSON.stringify(name)}`);
    }
  };
  return { answer, isDone: () => isDone };
}

const STORING = new Set(['setup_plugin_for_backup', 'backup_data', 'backup_file']);

/** @throws StowageError `config/invalid`: files would be stored in clear, and look encrypted. */
function requirePlainBackups({ config }: ClusterContext, path: string): void {
  if (!encryptsBackups(config)) return;
  throw new StowageError(
    'config/invalid',
    `the configuration has encryption, and this plugin stores files of gpbackup unencrypted: ${path} was not stored. Use stowage backup; or let gpbackup write to disks, and encrypt its set by stowage adopt gpbackup; or name a configuration without encryption`,
    { where: { field: 'encryption' } },
  );
}

/** The folder of a backup ends in its timestamp. */
const timestampIn = (path: string) => /(\d{14})\/?$/.exec(path)?.[1] ?? '';

/** Also the first request: wrong keys fail before gpbackup reads a table. */
async function requireNewSet(store: ObjectStore, path: string): Promise<void> {
  const timestamp = timestampIn(path);
  const plan = formatKey({ kind: 'plan', timestamp });
  if ((await store.head(plan)) === undefined) return;
  throw new StowageError(
    'adopt/exists',
    `set ${timestamp} exists already under ${store.url}: back up again in another second`,
  );
}

/** @throws StowageError `set/incomplete`, `set/damaged` when the functions find that. */
async function proveSet(context: ClusterContext, plugin: Plugin, timestamp: string): Promise<void> {
  const plan = await sealSet(plugin, context.config, timestamp);
  if (plan === undefined) return;
  // stitch and validate read the same receipts.
  const store = rememberedReads(plugin.store, DOCUMENTS_KEPT_BYTES_MAX);
  const deps = functionDeps(context, store);
  const verdict = () => decidingVerdict(deps, timestamp);
  await waitForFunctions(context, deps, {
    keys: [formatKey({ kind: 'seal', timestamp })],
    what: `the verdict on set ${timestamp}`,
    isDone: async () => (await verdict()) !== undefined,
    waitMs: VERDICT_MS_MAX,
  });
  const found = await verdict();
  if (found === undefined || found.status === 'complete') return;
  const [problem] = found.problems;
  throw new StowageError(
    found.status === 'damaged' ? 'set/damaged' : 'set/incomplete',
    `set ${timestamp} is ${found.status}: ${problem === undefined ? 'see its verdict' : describeProblem(problem)}`,
  );
}
