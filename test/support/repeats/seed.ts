import { execFileSync } from 'node:child_process';

/**
 * The seed of all property tests of a run. It follows from the tree of the last commit: a second
 * run tries the same values, and every commit tries others.
 */
export function seedOfTree(): number {
  try {
    const tree = execFileSync('git', ['rev-parse', 'HEAD^{tree}'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return Number.parseInt(tree.slice(0, 7), 16);
  } catch {
    // Not a checkout of git: fast-check prints the seed of a failure.
    return Date.now() % 2 ** 28;
  }
}
