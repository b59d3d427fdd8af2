import { randomInt } from 'node:crypto';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { Timestamp } from '../../backup-set/base/timestamps.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import { shellWord } from '../../backup-set/messages/shell-word.ts';
import { isEncrypting } from '../../encryption/settings.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { rememberedReads } from '../../storage/wrapped/remembered-reads.ts';
import type { PlainCommand } from '../command.ts';
import { loadConfig } from '../config/config.ts';
import type { ClusterContext, Context } from '../context.ts';
import { withStore } from '../open.ts';
import { decidingVerdict, functionDeps, waitForFunctions } from '../wait-for-functions.ts';
import { uploadsAtOnce } from './admission.ts';
import { deleteBackup } from './delete-backup.ts';
import { giveFile, isThere, readOffsets } from './give-file.ts';
import { type Answer, type Call, listen } from './listen.ts';
import { type PluginOptions, readPluginOptions } from './options.ts';
import { placeOf } from './place.ts';
import { type ProvenFiles, provenFiles } from './proven-files.ts';
import { boundSets } from './restoring/bound-sets.ts';
import { type NamedSets, namedSets } from './restoring/named-sets.ts';
import { sealSet } from './seal/seal-set.ts';
import { agreedEncryption, readsSealedOnly } from './sealing/agreement.ts';
import { fileKeys } from './sealing/file-keys.ts';
import { hostKeysFor } from './sealing/host-keys.ts';
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
    const options = await readPluginOptions(path);
    const cluster = await clusterOf(context, options);
    const { encryption } = cluster.config;
    await withStore(cluster, async (store) => {
      const plugin: Plugin = {
        store,
        clock: context.clock,
        worker: randomInt(1, WORKER_MAX + 1),
        stored: new Map(),
        hostKeys:
          encryption && isEncrypting(encryption)
            ? hostKeysFor(cluster, encryption, store)
            : undefined,
      };
      const named = await namedSets(`${socket}.sets`);
      const { answer, isDone } = answering(cluster, options, { plugin, named, config: path });
      return listen({ socket, config: path, idleMs: IDLE_MS, answer, isDone }, context.signal);
    });
    return 0;
  },
};

const STORING = new Set(['setup_plugin_for_backup', 'backup_data', 'backup_file']);

/** The options override the file that they name; without a file they must name the root. */
async function clusterOf(
  context: Context,
  { config, root, endpoint, region, cluster }: PluginOptions,
): Promise<ClusterContext> {
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

interface Resident {
  readonly plugin: Plugin;
  readonly named: NamedSets;
  /** The plugin configuration. */
  readonly config: string;
}

function answering(
  context: ClusterContext,
  options: PluginOptions,
  { plugin, named, config }: Resident,
) {
  const admit = uploadsAtOnce(UPLOADS_AT_ONCE);
  const { store } = plugin;
  const deps = functionDeps(context, store);
  const keys = fileKeys(context, deps);
  const mustBeSealed = readsSealedOnly(context.config, options);
  const proven = provenFiles(deps, { keys, bound: boundSets(keys, named), mustBeSealed });
  let isDone = false;
  const answer = async (call: Call, signal: AbortSignal): Promise<Answer> => {
    const { name, path, scope } = call;
    const ofCoordinator = scope === 'master' || scope === 'coordinator';
    if (STORING.has(name)) agreedEncryption(context.config, options);
    switch (name) {
      case 'setup_plugin_for_backup':
        if (ofCoordinator) await requireNewSet(store, path);
        // Rights and recipients that do not suffice fail here, before gpbackup reads a table.
        if (isTimestamp(timestampIn(path))) await plugin.hostKeys?.sealerOf(timestampIn(path), -1);
        return undefined;
      case 'setup_plugin_for_restore':
        if (isTimestamp(timestampIn(path))) await named.add(timestampIn(path));
        return undefined;
      case 'backup_data':
        await admit(placeOf(path), (place) => storeFile(plugin, place, call.body, signal));
        return undefined;
      case 'backup_file':
        await admit(placeOf(path), (place) => storeLocalFile(plugin, place, path, signal));
        return undefined;
      case 'restore_file':
        await restoreFile(proven, path, signal);
        return undefined;
      case 'restore_data':
        return proven.read(placeOf(path), signal);
      case 'restore_data_subset':
        return proven.readRanges(placeOf(path), await readOffsets(call.offsets), signal);
      case 'delete_backup':
        await deleteBackup({ ...functionDeps(context, store), signal }, path);
        return undefined;
      case 'cleanup_plugin_for_backup':
        if (scope !== 'segment') isDone = true;
        if (ofCoordinator) await proveSet(context, plugin, { folder: path, config });
        return undefined;
      case 'cleanup_plugin_for_restore':
        if (scope !== 'segment') isDone = true;
        await named.remove(timestampIn(path));
        return undefined;
      default:
        throw new StowageError('usage/flag', `unknown call ${JSON.stringify(name)}`);
    }
  };
  return { answer, isDone: () => isDone };
}

/** @throws StowageError `encryption/no-identity` unless gpbackup has left the file on this host. */
async function restoreFile(proven: ProvenFiles, path: string, signal: AbortSignal): Promise<void> {
  const place = placeOf(path);
  try {
    await giveFile(proven.read(place, signal), path, signal);
  } catch (error) {
    if (!isStowageError(error, 'encryption/no-identity')) throw error;
    if (!(await isThere(path, await proven.sizeOf(place)))) throw error;
  }
}

/** The folder of a backup ends in its timestamp. */
const timestampIn = (path: string) => /(\d{14})\/?$/.exec(path)?.[1] ?? '';

const isTimestamp = (text: string) => Timestamp.safeParse(text).success;

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
async function proveSet(
  context: ClusterContext,
  plugin: Plugin,
  { folder, config }: { readonly folder: string; readonly config: string },
): Promise<void> {
  const timestamp = timestampIn(folder);
  const words = ['cleanup_plugin_for_backup', config, folder, 'master'].map(shellWord);
  const finish = `stowage-gpbackup-plugin ${words.join(' ')}`;
  const plan = await sealSet(plugin, context, { timestamp, folder, finish });
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
