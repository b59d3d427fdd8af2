import { chmod, cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { BUNDLE_COMMANDS } from '../bundle/bundle.ts';
import { completions, manualPages } from '../manual/pages.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

/** The files of /etc/stowage, which an upgrade must not overwrite. */
export const CONFIGURATION = ['/etc/stowage/stowage.yaml'];
export const CONFIGURATION_MODE = 0o640;
const UNITS = ['stowage-serve.service', 'stowage-serve.socket', 'stowage-agent.service'];

const FOLDERS = {
  deb: { zsh: 'usr/share/zsh/vendor-completions' },
  rpm: { zsh: 'usr/share/zsh/site-functions' },
} as const;
export type Format = keyof typeof FOLDERS;

/** Lays out what a package installs, below `folder`. `bundle` is the folder of makeBundle. */
export async function makeTree(
  folder: string,
  { bundle, format, day }: { bundle: string; format: Format; day: Date },
): Promise<void> {
  const at = (...names: string[]) => path.join(folder, ...names);
  await mkdir(at('usr/lib'), { recursive: true });
  await cp(bundle, at('usr/lib/stowage'), { recursive: true });
  await mkdir(at('usr/bin'));
  for (const command of BUNDLE_COMMANDS)
    await symlink(`../lib/stowage/${command}`, at('usr/bin', command));
  for (const unit of UNITS)
    await put(at('usr/lib/systemd/system', unit), await own('infra/systemd', unit));
  const example = await own('infra/package/files/stowage.yaml');
  await put(at('etc/stowage/stowage.yaml'), example, CONFIGURATION_MODE);
  for (const [name, text] of await manualPages(day))
    await put(at('usr/share/man', `man${name.at(-1)}`, `${name}.gz`), compressed(text));
  const { bash, zsh, fish } = await completions();
  await put(at('usr/share/bash-completion/completions/stowage'), bash);
  await put(at(FOLDERS[format].zsh, '_stowage'), zsh);
  await put(at('usr/share/fish/vendor_completions.d/stowage.fish'), fish);
  await putDocuments(at('usr/share/doc/stowage'));
}

async function putDocuments(folder: string): Promise<void> {
  for (const name of await readdir(path.join(ROOT, 'docs')))
    if (name.endsWith('.md')) await put(path.join(folder, name), await own('docs', name));
  await put(path.join(folder, 'NEWS.md.gz'), compressed(await own('CHANGELOG.md')));
  await put(path.join(folder, 'copyright'), await own('infra/package/files/copyright'));
}

/** Without a time stamp: the same text gives the same bytes. */
export const compressed = (text: string) => gzipSync(text, { level: 9 });

const own = (...names: string[]) => readFile(path.join(ROOT, ...names), 'utf8');

async function put(file: string, text: string | Buffer, mode = 0o644): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, mode);
}
