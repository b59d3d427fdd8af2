import type { Flags } from '../../command.ts';
import type { Config } from '../../config/schema.ts';
import type { Distribution } from './distribution.ts';

export async function distributionFrom(
  config: Config,
  _flags: Flags,
): Promise<Distribution | undefined> {
  if (config.flavour === 'shards') return undefined;
  throw new Error('todo');
}
