import { StowageError } from '../../backup-set/base/errors.ts';
import type { Flags, PlainCommand } from '../command.ts';
import { loadConfig } from '../config/config.ts';
import type { ClusterContext, Context } from '../context.ts';
import { IDENTITY_FLAG } from '../flags.ts';
import { withStore } from '../open.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { listKeysOfSets } from './list.ts';
import { newKeys } from './new.ts';
import { changeKeys } from './run-change.ts';
import { testKeys } from './test.ts';

const WHAT = ['new', 'list', 'test', 'add', 'remove', 'rotate'] as const;

export const keyCommand: PlainCommand = {
  usage: 'key <what> [name]',
  summary:
    'keys of encrypted sets and of orders: make identities, list and test them, change the recipients of sets',
  details: `key new FILE: write a new identity file (mode 0600, never replaced), and print its recipient. With --digest-key or --signing-key: a key of that kind, alone or beside it.
key list: which recipients can open which sets. Exit code 3 when a set has lost its key.
key test: whether each named identity opens every encrypted set of the root. Exit code 0 only then.
key add RECIPIENT: wrap the keys of all sets for one more recipient.
key remove RECIPIENT: wrap them for the recipients of the configuration, and remove the older key documents of sets that this recipient opens.
key rotate: as remove, for all sets: afterwards exactly the recipients of the configuration open them.
add, remove and rotate need an identity, and change nothing without --yes. No row is read or written. An interrupted run is run again.
Examples:
  stowage key new backup.key
  stowage key new --signing-key /etc/stowage/signing.key
  stowage key test --identity backup.key
  stowage key rotate --identity old.key --yes`,
  flags: [
    ['--digest-key <file>', 'new: write a key for the digests of rows (encryption.digestKeyFile)'],
    [
      '--signing-key <file>',
      'new: write a key that signs orders for agents (shippers.signingKeyFile)',
    ],
    ['--passphrase', 'new: encrypt the identity file with a passphrase, as age -p'],
    ['--yes', 'add, remove, rotate: do it'],
    IDENTITY_FLAG,
  ],
  lists: [IDENTITY_FLAG[0]],
  words: { what: WHAT },
  async run({ flags, positional: [word, name], context }) {
    const what = WHAT.find((known) => known === word);
    if (what === 'new') return newKeys(context, flags, name);
    const cluster = await configured(context, flags);
    return withStore(cluster, (store) => {
      const deps = functionDeps(cluster, store);
      switch (what) {
        case 'list':
          return listKeysOfSets(cluster, deps);
        case 'test':
          return testKeys(cluster, deps);
        case 'add':
        case 'remove':
          if (name !== undefined) return changeKeys(cluster, deps, { kind: what, name, flags });
          throw new StowageError('usage/flag', `stowage key ${what} needs a recipient (age1…)`);
        case 'rotate':
          return changeKeys(cluster, deps, { kind: what, name: '', flags });
        case undefined:
          throw new StowageError('usage/flag', `stowage key has: ${WHAT.join(', ')}`);
      }
    });
  },
};

/** `key new` works before there is a configuration. */
async function configured(context: Context, flags: Flags): Promise<ClusterContext> {
  const loaded = await loadConfig({
    env: context.env,
    file: typeof flags['config'] === 'string' ? flags['config'] : undefined,
    flags: {
      root: flags['root'],
      'storage.endpoint': flags['endpoint'],
      'encryption.identityFile': flags['identity'],
    },
  });
  return { ...context, ...loaded };
}
