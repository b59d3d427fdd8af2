/** What Stowage's npm commands need besides Node: a table, and pure functions over it. */
import { SetupError } from './setup-error.mjs';

/**
 * `programs`: all are needed. `packages`: their names on Debian and its descendants. `dirs`:
 * searched besides PATH; `*` stands for one name, and then all programs must be in the same
 * directory. `minMajor`: of the first program. `services`: start at the next boot once the package
 * is installed. `without`: what a command leaves out when the need is not met; a need without it is
 * required.
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
/** Makes the certificates for the tests with TLS. */
const OPENSSL = { name: 'OpenSSL', programs: ['openssl'], packages: ['openssl'] };
/** A connection pooler, which Stowage must refuse. */
const PGBOUNCER = {
  name: 'PgBouncer',
  programs: ['pgbouncer'],
  packages: ['pgbouncer'],
  services: ['pgbouncer'],
};
/** Opens the wrapped key of an encrypted set, as docs/restore-by-hand.md does. */
const AGE = {
  name: 'age',
  programs: ['age'],
  packages: ['age'],
  without: 'the test that opens a wrapped key with age is skipped',
};
/** The tests of the console load its page. */
const CHROMIUM = {
  name: 'Chromium',
  programs: ['chromium'],
  packages: ['chromium'],
  without: 'the tests of the console in a browser are skipped',
};
/** Checks the rules of infra/prometheus, and scrapes a server of the tests. */
const PROMETHEUS = {
  name: 'Prometheus',
  programs: ['prometheus', 'promtool'],
  packages: ['prometheus'],
  services: ['prometheus'],
  without: 'npm test skips the tests with a real Prometheus',
};
const CEPH = {
  name: 'Ceph Object Gateway',
  programs: ['radosgw', 'radosgw-admin', 'ceph', 'ceph-mon', 'ceph-osd', 'monmaptool'],
  packages: ['radosgw', 'ceph-common', 'ceph-base', 'ceph-mon', 'ceph-osd'],
  services: ['ceph.target'],
  /** Set to 1, it skips the tests that need Ceph. */
  waiver: 'STOWAGE_WITHOUT_CEPH',
};

/**
 * Peers that the bench compares with Stowage. Its report names the peers that are not installed.
 */
const PEERS = [
  {
    name: 'rclone',
    programs: ['rclone'],
    packages: ['rclone'],
    without: 'the bench leaves out the peers that upload with rclone',
  },
  {
    name: 'pgBackRest',
    programs: ['pgbackrest'],
    packages: ['pgbackrest'],
    without: 'the bench leaves out the physical backup',
  },
  {
    name: 'restic',
    programs: ['restic'],
    packages: ['restic'],
    without: 'the bench leaves out pg_dump with deduplication',
  },
  {
    name: 'curl',
    programs: ['curl'],
    packages: ['curl'],
    without: 'the bench leaves out the peers that download',
  },
];

/** They make the packages that users install. */
const PACKAGERS = [
  { name: 'dpkg-deb', programs: ['dpkg-deb'], packages: ['dpkg'] },
  { name: 'rpmbuild', programs: ['rpmbuild', 'rpm'], packages: ['rpm'] },
];

/** What the tests of packages, man pages and completion ask. */
const INSTALLED = [
  { ...PACKAGERS[1], without: 'the tests leave out the .rpm' },
  ...[
    ['mandoc', 'the tests leave out the man pages'],
    ['zsh', 'the tests leave out completion in zsh'],
    ['fish', 'the tests leave out completion in fish'],
  ].map(([name, without]) => ({ name, programs: [name], packages: [name], without })),
];

const PURPOSES = {
  demo: { command: 'npm run demo', needs: [POSTGRESQL], mayBringPostgresql: true },
  bench: { command: 'npm run bench', needs: [POSTGRESQL, ZSTD, ...PEERS], peersInPython: true },
  test: {
    command: 'npm test',
    needs: [
      POSTGRESQL,
      ZSTD,
      JQ,
      SSH,
      OPENSSL,
      PGBOUNCER,
      CEPH,
      CHROMIUM,
      AGE,
      PROMETHEUS,
      ...INSTALLED,
    ],
    emulator: true,
    newerPostgresql: true,
  },
  stack: { command: 'npm run test:stack', needs: [POSTGRESQL, ZSTD], emulator: true },
  stores: { command: 'npm run test:stores', needs: [POSTGRESQL, ZSTD, CEPH], stores: true },
  build: { command: 'npm run build', needs: [] },
  package: { command: 'npm run package:programs', needs: PACKAGERS },
  install: {
    command: 'npm run test:install',
    needs: [
      PACKAGERS[0],
      { name: 'debootstrap', programs: ['debootstrap'], packages: ['debootstrap'] },
      {
        name: 'systemd-nspawn',
        programs: ['systemd-nspawn'],
        packages: ['systemd-container'],
      },
    ],
    bareMachine: true,
  },
};

/** The purpose named by `--for=…`; `test` without it. */
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

/** True when a purpose needs the emulator of AWS. */
export const wantsEmulator = (purpose) => PURPOSES[purpose].emulator === true;

/** True when the object stores that are built from source must be there. */
export const wantsStores = (purpose, environment) =>
  PURPOSES[purpose].stores === true ||
  (purpose === 'test' && environment.STOWAGE_TEST_STORES === '1');

/** True when the bare Debian must be there, in which the packages are tried. */
export const wantsBareMachine = (purpose) => PURPOSES[purpose].bareMachine === true;

/** True when a purpose needs the peers that are Python packages. */
export const wantsPeersInPython = (purpose) => PURPOSES[purpose].peersInPython === true;

/** True when a purpose compares two versions of PostgreSQL: the machine's and a newer one. */
export const wantsNewerPostgresql = (purpose) => PURPOSES[purpose].newerPostgresql === true;

/**
 * True when PostgreSQL is all that is missing, and the purpose is content with one of its own.
 */
export const mayBringPostgresql = (purpose, missing) =>
  PURPOSES[purpose].mayBringPostgresql === true &&
  missing.length > 0 &&
  missing.every((need) => need === POSTGRESQL);

/** True when the command runs without the need. */
export const isOptional = (need) => need.waiver !== undefined || need.without !== undefined;

/** The needs of a purpose, without those that the environment waives. */
export function needsOf(purpose, environment) {
  return PURPOSES[purpose].needs.filter(
    (need) => need.waiver === undefined || environment[need.waiver] !== '1',
  );
}

export const packagesOf = (needs) => [...new Set(needs.flatMap((need) => need.packages))];

/** The command that installs the packages on Debian or Ubuntu, as root. */
export const aptCommand = (needs) =>
  `apt-get update && apt-get install -y --no-install-recommends ${packagesOf(needs).join(' ')}`;

/**
 * The message for a machine on which the setup cannot install: what is missing, and the command.
 */
export function whatToInstall(purpose, missing) {
  const { command } = PURPOSES[purpose];
  const waivers = missing.flatMap((need) => need.waiver ?? []);
  return [
    `\`${command}\` needs programs that are not on this machine:`,
    ...missing.map((need) => `  - ${need.name} (${need.programs.join(', ')})`),
    'Install them once, as root, on Debian or Ubuntu with:',
    `  ${aptCommand(missing)}`,
    'On other systems, install the packages that have these programs.',
    ...waivers.map((waiver) => `Or run everything that does not need it: ${waiver}=1 ${command}`),
  ].join('\n');
}

/** The major version in the output of `postgres --version`, or 0. */
export const majorOf = (versionLine) =>
  Number(/\b(\d+)(?:\.\d+|devel|beta\d+|rc\d+)/.exec(versionLine)?.[1] ?? 0);
