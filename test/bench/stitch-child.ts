/** One function in a process of its own, as a Lambda would run it: `stitch-child.ts <root> <stitch|validate>`. Prints a line of JSON. */
import pino from 'pino';
import { validate } from '../../functions/on-manifest.ts';
import { stitch } from '../../functions/on-receipt.ts';
import { openStore } from '../../storage/open.ts';
import { TIMESTAMP } from './stitch-set.ts';

const [root = '', work] = process.argv.slice(2);
const store = await openStore({ root });
const deps = { store, clock: () => new Date(), log: pino({ level: 'error' }) };
const startedAt = performance.now();
const status =
  work === 'stitch'
    ? (await stitch(deps, TIMESTAMP)).status
    : (await validate(deps, TIMESTAMP)).verdict.status;
const wallSeconds = (performance.now() - startedAt) / 1000;
const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
process.stdout.write(
  `${JSON.stringify({
    status,
    wallSeconds,
    cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
    peakRssMib: maxRSS / 1024,
  })}\n`,
);
await store.close();
