#!/usr/bin/env node
/**
 * Prepares a machine with Node 20 and npm for `npm run demo`, `npm test` or `npm run bench`:
 * installs the npm packages of package-lock.json and the programs of needs.mjs. Plain JavaScript
 * without packages, because none is installed when it starts. Fast when nothing is missing.
 *
 *   node infra/setup/main.mjs [--for=demo|test|bench|stack|stores|build|package|install]
 *
 * Exit codes: 0 ready, 1 a step failed, 2 the user must install something.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeBareMachine } from './bare/machine.mjs';
import { installBenchPeers } from './bench-peers.mjs';
import { installDebian } from './debian.mjs';
import { installEmulator } from './emulator.mjs';
import { absent } from './machine.mjs';
import {
  mayBringPostgresql,
  needsOf,
  parsePurpose,
  wantsBareMachine,
  wantsEmulator,
  wantsNewerPostgresql,
  wantsPeersInPython,
  wantsStores,
  whatToInstall,
} from './needs.mjs';
import { installNodePackages } from './node-packages.mjs';
import { bringPostgresql, installNewerPostgresql } from './postgresql/own.mjs';
import { SetupError } from './setup-error.mjs';
import { buildStores } from './stores/build.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const print = (line) => process.stderr.write(`setup: ${line}\n`);

try {
  await prepare(parsePurpose(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  print(error.message);
  process.exitCode = error.exitCode;
}

async function prepare(purpose) {
  const needs = needsOf(purpose, process.env);
  const missing = await absent(needs);
  if (missing.length > 0) {
    await installDebian(missing, print);
    const still = await absent(missing);
    for (const { name, without } of still)
      if (without !== undefined) print(`${name} is not installed: ${without}`);
    const needed = still.filter((need) => need.without === undefined);
    const isMet = mayBringPostgresql(purpose, needed) && (await bringPostgresql(root, print));
    if (needed.length > 0 && !isMet) throw new SetupError(2, whatToInstall(purpose, needed));
  }
  await together([
    installNodePackages(root, print),
    wantsPeersInPython(purpose) && installBenchPeers(root, print),
    wantsBareMachine(purpose) && makeBareMachine(print),
    wantsEmulator(purpose) && installEmulator(root, print),
    wantsStores(purpose, process.env) && buildStores(print),
    wantsNewerPostgresql(purpose) && installNewerPostgresql(root, print),
  ]);
}

/** Waits until every step has ended: the end of this process would leave npm or pip running. */
async function together(steps) {
  for (const ended of await Promise.allSettled(steps))
    if (ended.status === 'rejected') throw ended.reason;
}
