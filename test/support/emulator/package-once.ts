import { PACKAGE_FOLDER, packageNew } from './stack.ts';

/** Vitest's global set-up: makes the package of the stack once, which takes 7 s of CPU. */
export default async function packageOnce(): Promise<() => Promise<void>> {
  const { folder, remove } = await packageNew();
  process.env[PACKAGE_FOLDER] = folder;
  return async () => {
    delete process.env[PACKAGE_FOLDER];
    await remove();
  };
}
