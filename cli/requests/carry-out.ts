import { hostname } from 'node:os';
import { StowageError } from '../../backup-set/base/errors.ts';
import { RestoreId } from '../../backup-set/base/timestamps.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { AskedRestore } from '../../backup-set/documents/restore/asked.ts';
import { startRequest } from '../../functions/requests/requests.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterCommand, Flags } from '../command.ts';
import { loadConfig } from '../config/config.ts';
import { dashed } from '../config/flag-names.ts';
import type { ClusterContext } from '../context.ts';
import { heldKeys } from '../keys/held-keys.ts';
import { identityFor } from '../keys/identity-words.ts';
import { requireEncrypted } from '../keys/proven-keys.ts';
import { withStore } from '../open.ts';
import { printable } from '../output/format.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { checkedRequest } from './check.ts';
import { parseWords } from './parse-words.ts';
import { takerName } from './taker.ts';
import { commandLineOf, requestLines, wordsOf } from './text.ts';
import { toItsEnd } from './to-its-end.ts';

/** The flags of `restore` that go with --request; everything else is in the request. */
const WITH_REQUEST: ReadonlySet<string> = new Set([
  ...['request', 'yes', 'dryRun', 'identity', 'wait', 'functions', 'maxRate'],
  ...['acceptCluster', 'acceptPlain', 'config', 'root', 'endpoint', 'json', 'logLevel'],
]);
/** Commander's defaults of flags `--no-…`. */
const NEGATED: ReadonlySet<string> = new Set(['owner', 'acl', 'count', 'objects']);

/** `stowage restore` without --request, for a request: its restore gets the id. */
export type RunRestore = (
  context: ClusterContext,
  flags: Flags,
  positional: readonly string[],
  asked: AskedRestore,
) => Promise<number>;

/**
 * `stowage restore --request ID`: shows what the console asked for; with --yes it takes the request
 * and does what its command line would do. @returns the exit code.
 */
export async function restoreRequested(
  context: ClusterContext,
  { flags, positional }: { readonly flags: Flags; readonly positional: readonly string[] },
  { restore, run }: { readonly restore: ClusterCommand; readonly run: RunRestore },
): Promise<number> {
  const id = idFrom(flags, positional);
  return withStore(context, async (store) => {
    const checked = await checkedRequest(context, store, id);
    const { asked, token, isEncrypted, manifest } = checked;
    const line = `${commandLineOf(context, store, asked)}${identityFor(context, isEncrypted)}`;
    context.output.note(
      'request',
      { id, by: asked.by, requestedAt: asked.requestedAt, line },
      requestLines(asked, line).map(printable).join('\n'),
    );
    const isDry = flags['dryRun'] === true;
    if (flags['yes'] !== true && !isDry) {
      const next = `nothing was changed: \`stowage restore --request ${id} --yes${identityFor(context, isEncrypted)}\` carries it out`;
      context.output.result({ id, asked, line }, next);
      return 0;
    }
    const parsed = parseWords(restore, wordsOf(context, store, asked));
    const given = Object.fromEntries(Object.entries(flags).filter(([name]) => isGiven(name)));
    const all = { ...given, ...parsed.flags, ...(isDry && { dryRun: true }) };
    const own = await targetContext(context, restore, all);
    if (isDry) return run(own, all, parsed.positional, asked);
    await requireKeys(own, store, manifest);
    const by = takerName(hostname(), process.pid);
    await startRequest(functionDeps(context, store), { asked, token }, by);
    return toItsEnd(context, store, { asked, token }, () =>
      run(own, all, parsed.positional, asked),
    );
  });
}

/**
 * A request is taken once: a forgotten --identity must not use it up. An identity that is named is
 * not tried, because it may ask for its passphrase.
 */
async function requireKeys(
  context: ClusterContext,
  store: ObjectStore,
  manifest: Manifest,
): Promise<void> {
  requireEncrypted(context, manifest);
  const { identityFile, identityCommand } = context.config.encryption ?? {};
  if (identityFile !== undefined || identityCommand !== undefined) return;
  await heldKeys(context, store, manifest);
}

const isGiven = (name: string) => WITH_REQUEST.has(name) && name !== 'request' && name !== 'yes';

function idFrom(flags: Flags, positional: readonly string[]): string {
  const id = String(flags['request']);
  const other = Object.keys(flags).find(
    (name) => !WITH_REQUEST.has(name) && !(NEGATED.has(name) && flags[name] === true),
  );
  const what = positional[0] === undefined ? other && `--${dashed(other)}` : `set ${positional[0]}`;
  if (what !== undefined)
    throw new StowageError('usage/flag', `--request takes everything from it: leave out ${what}`, {
      where: { field: 'request' },
    });
  if (RestoreId.safeParse(id).success) return id;
  throw new StowageError(
    'usage/flag',
    `${JSON.stringify(id)} is not the id of a request: \`stowage list requests\` prints them`,
    { where: { field: 'request' } },
  );
}

/** The context that the command line would have. */
async function targetContext(
  context: ClusterContext,
  restore: ClusterCommand,
  flags: Flags,
): Promise<ClusterContext> {
  const { config: file, root, endpoint, identity } = flags;
  const loaded = await loadConfig({
    env: context.env,
    file: typeof file === 'string' ? file : undefined,
    flags: {
      root,
      'storage.endpoint': endpoint,
      'encryption.identityFile': identity,
      ...restore.cluster(flags),
    },
  });
  return { ...context, ...loaded, acceptsPlain: flags['acceptPlain'] === true };
}
