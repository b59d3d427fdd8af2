import type { Flavour } from '../database/flavour.ts';
import { flavourNamed } from '../database/flavours.ts';
import { targetOf } from './config/config.ts';
import type { ClusterContext } from './context.ts';

/** The port to the configured cluster. */
export function flavourOf({ config, env }: ClusterContext): Flavour {
  return flavourNamed(config.flavour).open(config, (segment) => targetOf(config, segment, env));
}
