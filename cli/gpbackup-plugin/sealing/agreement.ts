import { hostname } from 'node:os';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { encryptsBackups } from '../../backup/keys/backup-keys.ts';
import type { Config } from '../../config/schema.ts';
import type { PluginOptions } from '../options.ts';

/**
 * Whether plain sets are refused. An identity, too, says that sets are encrypted: a program that
 * can write to the bucket could put a plain set in the place of one. Only "off" accepts it.
 */
export function readsSealedOnly(
  config: Pick<Config, 'encryption'>,
  { encryption }: Pick<PluginOptions, 'encryption'>,
): boolean {
  return encryption === 'on' || (encryption === undefined && config.encryption !== undefined);
}

/**
 * Whether this host encrypts what it stores. gpbackup gives all hosts one plugin configuration, and
 * each host has a stowage.yaml of its own: a host stores nothing unless both say the same. So no
 * host stores in clear what the others encrypt.
 * @throws StowageError `config/invalid`
 */
export function agreedEncryption(
  config: Pick<Config, 'encryption'>,
  { encryption = 'off' }: Pick<PluginOptions, 'encryption'>,
): boolean {
  const encrypts = encryptsBackups(config);
  if (encrypts === (encryption === 'on')) return encrypts;
  const message = encrypts
    ? `the configuration of host ${hostname()} encrypts, and the plugin configuration does not say so: nothing was stored. Add "encryption: on" to its options; then a host that cannot encrypt stores nothing, too`
    : `the plugin configuration has "encryption: on", and the configuration of host ${hostname()} has neither encryption.recipients nor encryption.kms: nothing was stored in clear. Give every host the same encryption section`;
  throw new StowageError('config/invalid', message, { where: { field: 'encryption' } });
}
