import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Environment variable: the folder of the built programs. */
export const PROGRAMS_FOLDER = 'STOWAGE_TEST_PROGRAMS';

const built = process.env[PROGRAMS_FOLDER];
const sourceOf = (source: string) => fileURLToPath(new URL(`../../../${source}`, import.meta.url));
const fileOf = (name: string, source: string) =>
  built === undefined ? sourceOf(source) : join(built, name);

/** The programs under test: as they are built, or from their sources where nothing was built. */
export const STOWAGE = fileOf('stowage.js', 'cli/main.ts');
/** The demo runs from a checkout only. */
export const STOWAGE_SOURCE = sourceOf('cli/main.ts');
/** A script: it runs the program beside it. */
export const GPBACKUP_PLUGIN = fileOf(
  'stowage-gpbackup-plugin',
  'infra/launch/stowage-gpbackup-plugin',
);
export const SHIPPER = fileOf('segment-shipper.js', 'segment-shipper/main.ts');
