/** The object stores that are built from source for the tests: a table, and where they are kept. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/**
 * `module` and `version`: on the Go module proxy. `main`: the folder of the program in it.
 * `program`: the file that is built. Pinned: docs/object-stores.md has the results of these.
 */
export const STORE_SERVERS = [
  {
    name: 'versitygw',
    module: 'github.com/versity/versitygw',
    version: 'v1.8.0',
    main: './cmd/versitygw',
    program: 'versitygw',
  },
  {
    name: 'seaweedfs',
    module: 'github.com/seaweedfs/seaweedfs',
    version: 'v0.0.0-20261109003541-7506e5f91cd6',
    main: './weed',
    program: 'weed',
  },
  {
    // AGPL: the tests start it, and no package of ours contains it.
    name: 'minio',
    module: 'github.com/minio/minio',
    version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
    main: '.',
    program: 'minio',
  },
];

/** The folder of all built servers: outside the checkout, so that checkouts share them. */
export const storesFolder = (environment) =>
  path.join(environment.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'stowage-stores');

/** The path of a server's program. It exists only when the server was built completely. */
export const programOf = ({ name, version, program }, environment) =>
  path.join(storesFolder(environment), `${name}-${version}`, program);

/** The servers whose program is not built. */
export const unbuiltServers = (environment) =>
  STORE_SERVERS.filter((server) => !existsSync(programOf(server, environment)));
