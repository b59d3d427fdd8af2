import type { PlacedCheck, ServerCheck } from '../../../inspect/check.ts';

/** What a backup through the coordinator does not need. */
const NEEDLESS = new Set(['utility session', 'shipper']);
const LOCKS = /cannot lock/;
const NAMED_MAX = 5;

/**
 * Recommends the backup through the coordinator where these checks show that the role or the
 * network does not allow what the other ways need. Pure.
 */
export function adviseThrough(checks: readonly PlacedCheck[]): ServerCheck[] {
  const failed = checks.filter(
    ({ ok, name, detail }) =>
      !ok && (NEEDLESS.has(name) || (name === 'rights' && LOCKS.test(detail))),
  );
  const [first] = failed;
  if (first === undefined) return [];
  const reasons = failed.slice(0, NAMED_MAX).map(({ of, name }) => `${name} of ${of}`);
  const more = failed.length > NAMED_MAX ? ` and ${failed.length - NAMED_MAX} more` : '';
  const detail = `recommended: \`stowage backup --through coordinator\` (backup.through: coordinator) needs no session with a segment and no right but to read, so it works without: ${reasons.join(', ')}${more}`;
  return [{ name: 'through coordinator', ok: true, remark: true, detail }];
}
