/** `npm run bench`: the published benchmark. docs/benchmarks.md explains how to run and read it. */
import { rmSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findTool } from '../../database/tools/process.ts';
import { parseOptions, USAGE } from './options.ts';
import { markdownOf, type Report, writeReport } from './report/report.ts';
import type { ScenarioResult } from './report/result.ts';
import { allScenarios } from './scenarios.ts';
import { build } from './setup/build.ts';
import { textFolder } from './setup/servers.ts';
import { openStoreFor } from './setup/store.ts';
import { findTools, versionOfPostgres } from './setup/tools.ts';
import { warmUp } from './setup/warm-up.ts';

const log = (text: string) => process.stderr.write(`${text}\n`);

process.exitCode = 1; // until everything is written
const scenarios = allScenarios();
if (process.argv.includes('--help')) {
  process.stdout.write(
    `${USAGE}\n\n${scenarios.map(({ name, about }) => `${name.padEnd(14)} ${about}`).join('\n')}\n`,
  );
  process.exit(0);
}
const options = parseOptions(
  process.argv.slice(2),
  scenarios.map(({ name }) => name),
);
await build();
const tools = await findTools();
const postgresVersion = await versionOfPostgres(await findTool('postgres'));
const store = await openStoreFor(options.server);
const home = await mkdtemp(join(tmpdir(), 'sb-'));
// The user of the server must be able to enter it.
await chmod(home, 0o755);
// Servers and the sink end with this process; the folder must also be removed on an interrupt.
process.on('exit', () => rmSync(home, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
const startedAt = new Date();
try {
  const bench = { options, tools, store, home, log };
  log('warming up');
  await warmUp(bench);
  const results: ScenarioResult[] = [];
  let report: Report | undefined;
  for (const scenario of scenarios.filter(({ name }) => options.scenarios.includes(name))) {
    const { gigabytes = scenario.gigabytes, rounds = scenario.rounds } = options;
    log(`\n${scenario.name}: ${scenario.about}`);
    results.push(...[await scenario.run(bench, { gigabytes, rounds })].flat());
    await rm(textFolder({ home }), { recursive: true, force: true });
    report = { results, options, tools, storeName: store.name, startedAt, postgresVersion };
    // Written after each scenario, so that the failure of a later one loses nothing.
    await writeReport(report, log);
  }
  if (report !== undefined) process.stdout.write(markdownOf(report));
  process.exitCode = 0;
} finally {
  await store.stop();
}
