import { identityPlace } from '../../backup-set/messages/identity-place.ts';
import { shellWord } from '../../backup-set/messages/shell-word.ts';
import type { ClusterContext } from '../context.ts';

type Configured = Pick<ClusterContext, 'config' | 'sources'>;

/**
 * The --identity flags of this command line, for a command line that it prints; begins with a
 * blank. Empty where the identity comes from elsewhere: the next command finds it there, too.
 */
export function sameIdentity({ config, sources }: Configured): string {
  if (sources.get('encryption.identityFile')?.source !== 'flag') return '';
  const files = [config.encryption?.identityFile ?? []].flat();
  return files.map((file) => ` --identity=${shellWord(file)}`).join('');
}

/** As `sameIdentity`, with a place for an identity where this command line has none. */
export function identityFor(context: Configured, isEncrypted: boolean): string {
  const { identityFile, identityCommand, kms } = context.config.encryption ?? {};
  if (!isEncrypted) return '';
  // KMS opens what was encrypted with its key, without an identity.
  const isKnown = [identityFile, identityCommand, kms].some((one) => one !== undefined);
  return isKnown ? sameIdentity(context) : identityPlace(true);
}
