import type { FlavourDefinition } from './flavour.ts';
import { greenplum } from './greenplum/flavour.ts';
import { shards } from './shards/flavour.ts';

/** Every flavour, by its name in the configuration. A new one adds its line here. */
export const FLAVOURS = { shards, greenplum } as const satisfies Record<string, FlavourDefinition>;

export type FlavourName = keyof typeof FLAVOURS;

export const FLAVOUR_NAMES = Object.keys(FLAVOURS) as [FlavourName, ...FlavourName[]];

/** The definition behind a name of the configuration. */
export function flavourNamed(name: FlavourName): FlavourDefinition {
  return FLAVOURS[name];
}

/** The flavour of an agent, whose configuration lists its contents or names a coordinator. */
export function flavourOfSegments(segments: FlavourDefinition['segments']): FlavourDefinition {
  return segments === 'listed' ? shards : greenplum;
}
