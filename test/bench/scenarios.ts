import { access } from 'node:fs/promises';
import type { Scenario } from './scenario.ts';
import { backup, backupNarrow, backupWide, twoTables } from './scenarios/backup.ts';
import { manyTables } from './scenarios/many-tables.ts';
import { oneTable } from './scenarios/one-table.ts';
import { restore } from './scenarios/restore.ts';

/** Modules beside this one that export `scenario`; who adds one adds its name. */
const MODULES: readonly string[] = [];

/** All scenarios, in the order in which they run; and the modules that are not there. */
export async function allScenarios(): Promise<{ scenarios: readonly Scenario[]; absent: readonly string[] }> {
  const scenarios: Scenario[] = [backup, twoTables, backupNarrow, backupWide, restore, oneTable, manyTables];
  const absent: string[] = [];
  for (const name of MODULES) {
    const url = new URL(`${name}.ts`, import.meta.url);
    const isThere = await access(url).then(
      () => true,
      () => false,
    );
    const module = isThere ? ((await import(url.href)) as { scenario?: Scenario }) : {};
    if (module.scenario === undefined) absent.push(name);
    else scenarios.push(module.scenario);
  }
  return { scenarios, absent };
}
