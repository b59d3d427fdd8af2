/** What Stowage's commands need beside Node: a table, and pure functions over it. */
import { SetupError } from './setup-error.mjs';

/**
 * `programs`: all must be there. `packages`: what Debian and its descendants call them. `dirs`: looked in beside PATH;
 * `*` stands for one name, and then all programs must be in the same directory. `minMajor`: of the first program.
 * `services`: what the package would leave to be started at the next boot. `without`: what is done without it: nothing fails.
 */
const POSTGRESQL = {
  name: 'PostgreSQL server and client, 13 or later',
  programs: ['postgres', 'initdb', 'pg_ctl', 'psql', 'pg_dump', 'pg_dumpall', 'pg_restore'],
  dirs: ['/usr/lib/postgresql/*/bin'],
  minMajor: 13,
  packages: ['postgresql', 'postgresql-client'],
  services: ['postgresql'],
};
const ZSTD = { name: 'zstd', programs: ['zstd'], packages: ['zstd'] };
const JQ = { name: 'jq', programs: ['jq'], packages: ['jq'] };
const SSH = {
  name: 'OpenSSH server and client',
  programs: ['ssh', 'sshd', 'ssh-keygen'],
  packages: ['openssh-client', 'openssh-server'],
  services: ['ssh'],
};
/** Certificates for the tests of servers with TLS. */
const OPENSSL = { name: 'OpenSSL', programs: ['openssl'], packages: ['openssl'] };
const CEPH = {
  name: 'Ceph Object Gateway',
  programs: ['radosgw', 'radosgw-admin', 'ceph', 'ceph-mon', 'ceph-osd', 'monmaptool'],
  packages: ['radosgw', 'ceph-common', 'ceph-base', 'ceph-mon', 'ceph-osd'],
  services: ['ceph.target'],
  /** Set to 1 to run everything else without it. */
  waiver: 'STOWAGE_WITHOUT_CEPH',
};

/** What the bench measures beside Stowage; a peer that is not there is left out, and the report says so. */
const PEERS = [
  {
    name: 'rclone',
    programs: ['rclone'],
    packages: ['rclone'],
    without: 'no peers that upload with rclone',
  },
  {
    name: 'pgBackRest',
    programs: ['pgbackrest'],
    packages: ['pgbackrest'],
    without: 'no physical backup',
  },
  { name: 'curl', programs: ['curl'], packages: ['curl'], without: 'no peers that download' },
];

const PURPOSES = {
  demo: { command: 'npm run demo', needs: [POSTGRESQL, ZSTD] },
  bench: { command: 'npm run bench', needs: [POSTGRESQL, ZSTD, ...PEERS], peersInPython: true },
  test: { command: 'npm test', needs: [POSTGRESQL, ZSTD, JQ, SSH, OPENSSL, CEPH], emulator: true },
  stack: { command: 'npm run test:stack', needs: [POSTGRESQL, ZSTD], emulator: true },
  build: { command: 'npm run build', needs: [] },
};

/** The purpose named by `--for=…`; without it, what the tests need, which is everything. */
export function parsePurpose(args) {
  const chosen = args.map((arg) => /^--for=(.+)$/.exec(arg)?.[1]);
  const purpose = chosen.at(-1) ?? 'test';
  if (chosen.includes(undefined) || !Object.hasOwn(PURPOSES, purpose)) {
    throw new SetupError(
      2,
      `usage: node infra/setup/main.mjs [--for=${Object.keys(PURPOSES).join('|')}]`,
    );
  }
  return purpose;
}

/** Whether a purpose wants the emulator of AWS. */
export const wantsEmulator = (purpose) => PURPOSES[purpose].emulator === true;

/** Whether a purpose wants the peers that are Python packages. */
export const wantsPeersInPython = (purpose) => PURPOSES[purpose].peersInPython === true;

/** Whether everything else works without it, and the command goes on where it cannot be had. */
export const isDispensable = (need) => need.waiver !== undefined || need.without !== undefined;

/** What a purpose needs, less what the environment waives. */
export function needsOf(purpose, environment) {
  return PURPOSES[purpose].needs.filter(
    (need) => need.waiver === undefined || environment[need.waiver] !== '1',
  );
}

export const packagesOf = (needs) => [...new Set(needs.flatMap((need) => need.packages))];

/** The one command that root types on Debian or Ubuntu. */
export const aptCommand = (needs) =>
  `apt-get update && apt-get install -y --no-install-recommends ${packagesOf(needs).join(' ')}`;

/** The message for a machine on which we cannot install by ourselves: what, why, and the command. */
export function whatToInstall(purpose, missing) {
  const { command } = PURPOSES[purpose];
  const waivers = missing.flatMap((need) => need.waiver ?? []);
  return [
    `\`${command}\` needs programs that are not on this machine:`,
    ...missing.map((need) => `  - ${need.name} (${need.programs.join(', ')})`),
    'Install them once, as root, on Debian or Ubuntu with:',
    `  ${aptCommand(missing)}`,
    'elsewhere with the packages of the same programs.',
    ...waivers.map((waiver) => `Or run everything that does without: ${waiver}=1 ${command}`),
  ].join('\n');
}

/** The major version in what `postgres --version` prints, or 0. */
export const majorOf = (versionLine) =>
  Number(/\b(\d+)(?:\.\d+|devel|beta\d+|rc\d+)/.exec(versionLine)?.[1] ?? 0);
