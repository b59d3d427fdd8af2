import { readDumpGaps } from '../catalog/dump-gaps.ts';
import type { Session } from '../session/session.ts';
import type { ServerCheck } from './check.ts';

const SHOWN = 4;

/** Whether a set would lack definitions, or hold passwords. Never a failure: backups work. */
export async function checkDefinitions(session: Session): Promise<ServerCheck> {
  const name = 'definitions';
  const { leftOut, secrets } = await readDumpGaps(session);
  const found = [
    ...(leftOut.length === 0
      ? []
      : [`pg_dump does not write these for ${session.target.user}: ${listed(leftOut)}`]),
    ...(secrets.length === 0
      ? []
      : [`a set holds the passwords of these in clear: ${listed(secrets)}`]),
  ];
  return found.length === 0
    ? { name, ok: true, detail: 'all are in a set, and no password was found in them' }
    : { name, ok: true, remark: true, detail: found.join('; ') };
}

function listed(objects: readonly { readonly kind: string; readonly name: string }[]): string {
  const shown = objects.slice(0, SHOWN).map(({ kind, name }) => `${kind} ${name}`);
  const more = objects.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
