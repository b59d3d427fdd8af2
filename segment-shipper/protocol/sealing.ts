import { StowageError } from '../../backup-set/base/errors.ts';
import type { ShippedRelation } from '../../backup-set/documents/agents.ts';
import type { Sealing } from '../../frame/seal/sealing.ts';
import type { SealingKeys } from './control.ts';

/** How a shipper encrypts its content. @param relations of its job. */
export function sealingOf(
  { key, digestKey }: SealingKeys,
  relations: readonly Pick<ShippedRelation, 'id' | 'schema' | 'name'>[],
): Sealing {
  const names = new Map(relations.map((relation) => [relation.id, relation]));
  return {
    key: Buffer.from(key, 'base64'),
    ...(digestKey !== undefined && { digestKey: Buffer.from(digestKey, 'base64') }),
    nameOf(id) {
      const name = names.get(id);
      if (name === undefined)
        throw new StowageError('internal', `relation ${id} is not of this job`);
      return name;
    },
  };
}
