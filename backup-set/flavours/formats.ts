import { StowageError } from '../base/errors.ts';
import type { FlavourFormat } from './format.ts';
import { greenplumFormat } from './greenplum.ts';
import { shardsFormat } from './shards.ts';

/** Every flavour that the format knows; a new one adds its line here. */
const FORMATS: readonly FlavourFormat[] = [shardsFormat, greenplumFormat];

/** The rules for a document's `flavour`; undefined when this version does not know the name. */
export function findFormat(flavour: string): FlavourFormat | undefined {
  return FORMATS.find(({ name }) => name === flavour);
}

/** As `findFormat`. @throws StowageError `set/unreadable` when the flavour is unknown. */
export function formatOf(flavour: string): FlavourFormat {
  const format = findFormat(flavour);
  if (format === undefined) throw new StowageError('set/unreadable', unknownFlavour(flavour));
  return format;
}

/** The rules of another flavour could accept an incomplete set, so none are applied. */
export function unknownFlavour(flavour: string): string {
  const known = FORMATS.map(({ name }) => name).join(' and ');
  return `flavour ${JSON.stringify(flavour)} is unknown: this version of Stowage knows ${known}. Use the version that wrote the set`;
}
