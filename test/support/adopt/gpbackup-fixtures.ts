import { join } from 'node:path';

/** Real sets of gpbackup; README.md there says how each was made. */
export const GPBACKUP = join(import.meta.dirname, '../../fixtures/gpbackup');

/** Sound sets: folder, timestamp, and rows of app.ao_row, of which the source had more and more. */
export const GPBACKUP_SETS = [
  ['gzip-s3', '20261129015653', 100],
  ['zstd-local', '20261129015610', 100],
  ['no-compression-local', '20261129015613', 100],
  ['single-data-file-local', '20261129015602', 100],
  ['incremental-local', '20261129015909', 100],
  ['incremental-local', '20261129015915', 110],
  ['incremental-local', '20261129015919', 120],
  ['incremental-sdf-local', '20261129015924', 120],
  ['incremental-sdf-local', '20261129015937', 130],
] as const;
