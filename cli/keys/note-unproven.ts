import { isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { readDigestKey } from '../../encryption/digest-key.ts';
import type { Deps } from '../../functions/deps.ts';
import { readDocument } from '../../functions/stored/load.ts';
import type { ClusterContext } from '../context.ts';
import { printable } from '../output/format.ts';
import { coordinatorFault } from './seal-macs.ts';

type Noting = { readonly config: Pick<ClusterContext['config'], 'encryption'> } & Pick<
  ClusterContext,
  'output'
>;

/**
 * Says that nothing proves that a backup with our digest key made an encrypted set: any program
 * can make one for public recipients. No refusal: the key may have been replaced since.
 */
export async function noteUnproven(
  { config: { encryption }, output }: Noting,
  deps: Deps,
  timestamp: string,
): Promise<void> {
  if (encryption?.digestKeyFile === undefined) return;
  const reason = await reasonOf(deps, timestamp, encryption.digestKeyFile);
  if (reason === undefined) return;
  output.note(
    'set-unproven',
    { set: timestamp, reason },
    printable(`nothing proves that a backup of yours made set ${timestamp}: ${reason}`),
  );
}

/** Undefined: the set is proven, or its seal is missing, which others report. */
async function reasonOf(
  deps: Deps,
  timestamp: string,
  digestKeyFile: string,
): Promise<string | undefined> {
  try {
    const key = await readDigestKey(digestKeyFile);
    const seal = await readDocument(deps, formatKey({ kind: 'seal', timestamp }));
    const fault = seal && coordinatorFault(key, seal);
    return fault && `its seal: ${fault}`;
  } catch (error) {
    // A host that only restores may have the configuration of the coordinator without its key.
    if (!isStowageError(error, 'config/invalid', 'set/unreadable')) throw error;
    return error.message;
  }
}
