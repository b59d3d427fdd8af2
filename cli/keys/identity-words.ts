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
  const { identityFile, identityCommand } = context.config.encryption ?? {};
  if (!isEncrypted) return '';
  const isKnown = identityFile !== undefined || identityCommand !== undefined;
  return isKnown ? sameIdentity(context) : identityPlace(true);
}
