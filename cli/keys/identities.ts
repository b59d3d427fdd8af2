import type { Identities } from '../../encryption/identities.ts';
import { identitiesFrom } from '../../encryption/identities.ts';
import type { ClusterContext } from '../context.ts';

/** The identities that flags, environment and configuration name. */
export function identitiesOf({ config }: ClusterContext): Promise<Identities> {
  return identitiesFrom(config.encryption);
}
