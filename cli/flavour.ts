import type { Flavour, Segment } from '../database/flavour.ts';
import { greenplumFlavour } from '../database/greenplum/greenplum.ts';
import { shardsFlavour } from '../database/shards/shards.ts';
import { segmentsOf, targetOf } from './config/config.ts';
import type { ClusterContext } from './context.ts';

const DEFAULT_COORDINATOR = { host: 'localhost', port: 5432 };

/** The configured flavour. No other place chooses between flavours by name. */
export function flavourOf({ config, env }: ClusterContext): Flavour {
  const connect = (segment: Segment) => targetOf(config, segment, env);
  switch (config.flavour) {
    case 'shards':
      return shardsFlavour({
        segments: segmentsOf(config),
        connect,
      });
    case 'greenplum': {
      const { host, port } = config.coordinator ?? DEFAULT_COORDINATOR;
      return greenplumFlavour({ coordinator: { content: -1, host, port }, connect });
    }
  }
}
