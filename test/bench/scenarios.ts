import type { Scenario } from './scenario.ts';
import { backup, backupNarrow, backupWide, twoTables } from './scenarios/backup.ts';
import { encryptedBackup, encryptedRestore } from './scenarios/encryption.ts';
import { incremental, incrementalSummaries } from './scenarios/incremental.ts';
import { manyTables } from './scenarios/many-tables.ts';
import { oneTable } from './scenarios/one-table.ts';
import { restore } from './scenarios/restore.ts';
import { scriptScenarios } from './scenarios/script.ts';

/** All scenarios, in the order in which they run. */
export function allScenarios(): readonly Scenario[] {
  return [
    backup,
    twoTables,
    backupNarrow,
    backupWide,
    restore,
    oneTable,
    manyTables,
    incremental,
    incrementalSummaries,
    encryptedBackup,
    encryptedRestore,
    ...scriptScenarios(),
  ];
}
