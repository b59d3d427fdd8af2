import type { Flavour } from '../database/flavour.ts';
import { shardsFlavour } from '../database/shards.ts';
import { segmentsOf, targetOf } from './config.ts';
import type { ClusterContext } from './context.ts';

/** The configured flavour; the only place that knows there are several. */
export function flavourOf({ config, env }: ClusterContext): Flavour {
  switch (config.flavour) {
    case 'shards':
      return shardsFlavour({
        segments: segmentsOf(config),
        connect: (segment) => targetOf(config, segment, env),
      });
  }
}
