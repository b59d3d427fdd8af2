/** Builds the object stores for `npm run test:stores` into a cache folder, once. */
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { withLock } from '../lock.mjs';
import { outputOf, runQuietly } from '../run.mjs';
import { SetupError } from '../setup-error.mjs';
import { programOf, storesFolder, unbuiltServers } from './servers.mjs';

/** Three builds, a few minutes each on two cores. */
const BUILD_MS_MAX = 3_600_000;

/**
 * Builds what the cache lacks, one server after the other.
 * @throws SetupError when Go is absent (exit 2) or a build fails (exit 1).
 */
export async function buildStores(print, environment = process.env) {
  if (unbuiltServers(environment).length === 0) return;
  const go = await outputOf('go', ['env', 'GOVERSION']);
  if (go === undefined) throw new SetupError(2, withoutGo(unbuiltServers(environment)));
  const folder = storesFolder(environment);
  await mkdir(folder, { recursive: true });
  await withLock(
    path.join(folder, '.lock'),
    print,
    async () => {
      for (const server of unbuiltServers(environment)) await build(server, print, environment);
    },
    { waitMs: BUILD_MS_MAX },
  );
}

/**
 * Builds in the module's own folder: `go install` refuses a module with replacements, which
 * SeaweedFS has. The folder is read-only, and the checksums in it are those of the Go proxy.
 */
async function build(server, print, environment) {
  const program = programOf(server, environment);
  const place = path.dirname(program);
  print(`building ${server.name} ${server.version} into ${place} (minutes, once)`);
  const unfinished = await mkdtemp(path.join(storesFolder(environment), '.building-'));
  try {
    // GOFLAGS of the user could name a vendor folder; without cgo no C compiler is needed.
    const env = { ...environment, GOFLAGS: '', CGO_ENABLED: '0' };
    await runQuietly('go', ['mod', 'download', `${server.module}@${server.version}`], { env });
    const source = await outputOf('go', [
      ...['mod', 'download', '-json', `${server.module}@${server.version}`],
    ]);
    const out = path.join(unfinished, server.program);
    const args = ['build', '-mod=readonly', '-trimpath', '-ldflags=-s -w', '-o', out, server.main];
    await runQuietly('nice', ['-n', '10', 'go', ...args], { env, cwd: JSON.parse(source).Dir });
    await rm(place, { recursive: true, force: true });
    await rename(unfinished, place);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Pure. The message for a machine without Go. */
export function withoutGo(servers) {
  return [
    'The tests on object stores need Go 1.26 or later, to build these servers from source:',
    ...servers.map(({ name, version, module }) => `  - ${name} (${module}@${version})`),
    'Install it from https://go.dev/dl, or run the other tests: STOWAGE_TEST_STORES=0 npm test',
  ].join('\n');
}
