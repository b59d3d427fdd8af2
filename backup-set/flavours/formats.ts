import type { FlavourFormat } from './format.ts';
import { greenplumFormat } from './greenplum.ts';
import { shardsFormat } from './shards.ts';

/** Every flavour that the format knows; a new one adds its line here. */
const FORMATS: readonly FlavourFormat[] = [shardsFormat, greenplumFormat];

/** The rules for a document's `flavour`. A name that is not known is treated as shards. */
export function formatOf(flavour: string): FlavourFormat {
  return FORMATS.find(({ name }) => name === flavour) ?? shardsFormat;
}
