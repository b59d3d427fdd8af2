/**
 * `npm run package:programs`: makes what users install into dist/packages: for each architecture an
 * archive with its Node, a .deb and an .rpm; and the npm package. Needs npm's registry once, for
 * Node. Prints the size of each file.
 *
 *   node infra/package/main.ts [--out FOLDER] [--architecture x64|arm64]
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../backup-set/base/errors.ts';
import { TOOL } from '../../backup-set/base/tool.ts';
import { makeBundle } from './bundle/bundle.ts';
import { makeTree } from './files/tree.ts';
import { makeDeb } from './formats/deb.ts';
import { makeNpm } from './formats/npm.ts';
import { makeRpm } from './formats/rpm.ts';
import { nodeFor, run } from './node/fetch.ts';
import { ARCHITECTURES, type Architecture, NODE_VERSION } from './node/pinned.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const version = TOOL.split(' ')[1] ?? '';
/** Fixed by SOURCE_DATE_EPOCH, for builds that give the same bytes. */
const epoch = process.env['SOURCE_DATE_EPOCH'];
const day = epoch === undefined ? new Date() : new Date(Number(epoch) * 1000);

// The modes of what is packaged must not depend on the build machine.
process.umask(0o022);
try {
  await packagePrograms();
} catch (error) {
  process.stderr.write(`package: ${messageOf(error)}\n`);
  process.exitCode = 1;
}

async function packagePrograms(): Promise<void> {
  const { values } = parseArgs({
    options: { out: { type: 'string' }, architecture: { type: 'string' } },
  });
  const chosen = ARCHITECTURES.filter((each) => (values.architecture ?? each) === each);
  if (chosen.length === 0) throw new Error(`--architecture is one of ${ARCHITECTURES.join(', ')}`);
  const out = path.resolve(values.out ?? path.join(ROOT, 'dist/packages'));
  const work = await mkdtemp(path.join(tmpdir(), 'stowage-package-'));
  try {
    await mkdir(out, { recursive: true });
    const programs = path.join(work, 'programs');
    await run(process.execPath, [path.join(ROOT, 'infra/build/bundle.ts'), programs]);
    const files = [await makeNpm(path.join(work, 'npm'), { version, programs, out, day })];
    for (const architecture of chosen)
      files.push(...(await forArchitecture(architecture, { work, programs, out })));
    await describe(files, out);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function forArchitecture(
  architecture: Architecture,
  { work, programs, out }: Readonly<Record<'work' | 'programs' | 'out', string>>,
): Promise<string[]> {
  const name = `stowage-${version}-linux-${architecture}`;
  const folder = path.join(work, name);
  const node = { ...(await nodeFor(architecture)), version: NODE_VERSION };
  const bundle = await makeBundle(folder, { version, architecture, node, programs });
  const archive = path.join(out, `${name}.tar.gz`);
  await run('tar', ['--owner=0', '--group=0', '-C', folder, '-czf', archive, '.']);
  const options = { out, bundle, compression: 'gzip', day } as const;
  const [debTree, rpmTree] = [`${folder}-deb`, `${folder}-rpm`];
  await makeTree(debTree, { bundle: folder, format: 'deb', day });
  const deb = await makeDeb(debTree, options);
  await makeTree(rpmTree, { bundle: folder, format: 'rpm', day });
  const rpm = await makeRpm(rpmTree, options);
  process.stdout.write(`linux-${architecture}: Node ${NODE_VERSION}, glibc ${bundle.glibc}\n`);
  return [archive, deb, rpm];
}

async function describe(files: readonly string[], out: string): Promise<void> {
  const sums: string[] = [];
  for (const file of files) {
    const bytes = await readFile(file);
    sums.push(`${createHash('sha256').update(bytes).digest('hex')}  ${path.basename(file)}\n`);
    process.stdout.write(`${path.basename(file)} ${(bytes.length / 1e6).toFixed(1)} MB\n`);
  }
  await writeFile(path.join(out, 'SHA256SUMS'), sums.join(''));
}
