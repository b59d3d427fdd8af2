import { existsSync } from 'node:fs';

const OWN = 'stowage.yaml';
/** Where the packages put the example. */
const OF_MACHINE = '/etc/stowage/stowage.yaml';

/** The configuration file that is used when neither a flag nor a variable names one. */
export function defaultConfigFile(exists: (file: string) => boolean = existsSync): string {
  return !exists(OWN) && exists(OF_MACHINE) ? OF_MACHINE : OWN;
}
