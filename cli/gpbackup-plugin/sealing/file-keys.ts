import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import type { Seal } from '../../../backup-set/documents/seal.ts';
import { readHostKeys } from '../../../encryption/read-host-keys.ts';
import { listKeyDocuments, readSetKey } from '../../../encryption/read-set-key.ts';
import { fileContext } from '../../../frame/seal/context.ts';
import { contentKey } from '../../../frame/seal/derive.ts';
import { openChunks, SEALED_CHUNK_BYTES } from '../../../frame/seal/open.ts';
import { SALT_BYTES } from '../../../frame/seal/seal.ts';
import type { Deps } from '../../../functions/deps.ts';
import { readSetDocument } from '../../../functions/sets/status.ts';
import type { ClusterContext } from '../../context.ts';
import { identitiesOf } from '../../keys/identities.ts';
import { provenHeads } from '../../keys/proven-plan.ts';
import type { StoredFile } from '../convert/set-files.ts';

/** A file of a set of gpbackup. */
export interface FilePlace {
  readonly key: string;
  readonly timestamp: string;
  readonly content: number;
}

/** Keys that open files of gpbackup, for a process that reads single ones. */
export interface FileKeys {
  /**
   * Undefined: the set is not encrypted.
   * @throws StowageError `encryption/no-identity`, `encryption/no-key`, `set/damaged`.
   */
  of(place: FilePlace, manifest: Manifest, stored: StoredFile): Promise<Buffer | undefined>;
  /**
   * Of a set without a manifest, which nothing proves: the key with which its first chunk opens.
   * Undefined: no host has stored a key there.
   * @param only ids of the keys that may have sealed it; absent = any.
   */
  fitting(place: FilePlace, only?: readonly string[]): Promise<Buffer | undefined>;
  /**
   * Plan and seal of a set, as its key proves them: read once. Undefined: it has no manifest, or is
   * not encrypted.
   * @throws as `of`.
   */
  headsOf(timestamp: string): Promise<ProvenHeads | undefined>;
}

export interface ProvenHeads {
  readonly plan: Plan;
  readonly seal: Seal;
}

interface OpenedSet extends ProvenHeads {
  /** @param keyId of a host; undefined: of the set. */
  keyOf(keyId: string | undefined): Promise<Buffer>;
}

export function fileKeys(context: ClusterContext, deps: Deps): FileKeys {
  const { store, signal } = deps;
  const options = { ...(signal && { signal }) };
  const asked = kept(() => identitiesOf(context));
  const identities = () => asked('of this host');
  const hostKey = kept(async (name: string) => {
    const [timestamp = '', root = '', keyId = ''] = name.split('\0');
    const own = { identities: await identities(), ...options };
    const keys = await readHostKeys(store, { timestamp, root }, [keyId], own);
    return keys.get(keyId) ?? Buffer.alloc(0);
  });
  const opened = kept(async (timestamp: string, manifest?: Manifest): Promise<OpenedSet> => {
    const { root = '', encryption } = manifest ?? {};
    const { keyId = '' } = encryption ?? {};
    const set = { timestamp, root, keyId };
    const setKey = await readSetKey(store, set, await identities(), options);
    const heads = await provenHeads(deps, timestamp, setKey);
    const { plan } = heads;
    const hosts = new Set(plan.encryption?.hostKeys);
    return {
      ...heads,
      async keyOf(of) {
        if (of === undefined) return setKey;
        if (hosts.has(of)) return hostKey([timestamp, plan.root, of].join('\0'));
        throw new StowageError('set/damaged', `the plan of set ${timestamp} has no key ${of}`);
      },
    };
  });
  return {
    async of({ timestamp, content }, manifest, { keyId }) {
      if (manifest.encryption === undefined) return undefined;
      const set = await opened(timestamp, manifest);
      return contentKey(await set.keyOf(keyId), timestamp, content);
    },
    headsOf: kept(async (timestamp) => {
      const { exists, document } = await readSetDocument(deps, timestamp, 'manifest', Manifest);
      if (document !== undefined)
        return document.encryption === undefined ? undefined : opened(timestamp, document);
      if (!exists) return undefined;
      const why = 'its manifest cannot be read';
      throw new StowageError('set/damaged', `set ${timestamp}: ${why}`);
    }),
    async fitting({ key, timestamp, content }, only) {
      const { ofHosts } = await listKeyDocuments(store, timestamp, options).catch(asNone);
      if (ofHosts.size === 0) return undefined;
      const stored = await store.head(key, options);
      if (stored === undefined) return undefined;
      let unopened: StowageError | undefined;
      for (const keyId of ofHosts.keys()) {
        if (only?.includes(keyId) === false) continue;
        let host: Buffer;
        try {
          host = await hostKey([timestamp, store.url, keyId].join('\0'));
        } catch (error) {
          // One that another program has put there must not hide the key of the host.
          if (!isStowageError(error, ...OF_ONE_KEY)) throw error;
          unopened ??= error;
          continue;
        }
        const found = contentKey(host, timestamp, content);
        if (await fits(deps, { key, bytes: stored.bytes }, found)) return found;
      }
      if (unopened !== undefined) throw unopened;
      throw new StowageError(
        'encryption/no-key',
        `${key} does not open with any of the keys ${only === undefined ? `that the hosts of set ${timestamp} have stored` : 'that the restored increment names'}`,
        { where: { set: timestamp, object: key } },
      );
    },
  };
}

const OF_ONE_KEY = ['encryption/no-identity', 'encryption/no-key', 'set/unreadable'] as const;

/** A host that restores plain sets may have no right to list. */
function asNone(error: unknown): { readonly ofHosts: ReadonlyMap<string, string[]> } {
  if (isStowageError(error, 'storage/denied')) return { ofHosts: new Map() };
  throw error;
}

async function fits(
  { store, signal }: Deps,
  { key, bytes }: { readonly key: string; readonly bytes: number },
  candidate: Buffer,
): Promise<boolean> {
  const length = Math.min(bytes, SALT_BYTES + SEALED_CHUNK_BYTES);
  const begin = Buffer.concat(await Array.fromAsync(store.get(key, { signal, offset: 0, length })));
  try {
    const open = openChunks(candidate, fileContext(key), begin.subarray(0, SALT_BYTES));
    open(0, begin.subarray(SALT_BYTES), bytes === length);
    return true;
  } catch (error) {
    if (isStowageError(error, 'set/damaged')) return false;
    throw error;
  }
}

/** Asks once for each name; again when it has failed. */
function kept<Value, More extends unknown[]>(ask: (name: string, ...more: More) => Promise<Value>) {
  const known = new Map<string, Promise<Value>>();
  return (name: string, ...more: More): Promise<Value> => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const asking = ask(name, ...more);
    known.set(name, asking);
    asking.catch(() => known.delete(name));
    return asking;
  };
}
