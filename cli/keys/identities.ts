import { type Identities, identitiesFrom } from '../../encryption/identities.ts';
import { awsKms } from '../../encryption/kms/aws-kms.ts';
import type { Kms } from '../../encryption/kms/kms.ts';
import type { ClusterContext } from '../context.ts';
import { passphraseOf } from './passphrase.ts';

/** The identities that flags, environment and configuration name. */
export function identitiesOf(context: ClusterContext): Promise<Identities> {
  return identitiesFrom(context.config.encryption, {
    signal: context.signal,
    passphrase: passphraseOf(context),
    kms: kmsOf(context),
  });
}

/** KMS in the region of the store, where that is AWS, else in the region of the environment. */
export function kmsOf({ config, env }: Pick<ClusterContext, 'config' | 'env'>): Kms {
  const { endpoint, region } = config.storage;
  return awsKms({ env, region: endpoint === undefined ? region : undefined });
}
