import type { ServerCheck } from '../../inspect/check.ts';
import type { Session } from '../../session/session.ts';

/** A row of gp_segment_configuration: one instance. */
export interface InstanceRow {
  readonly dbid: number;
  readonly content: number;
  /** p or m */
  readonly role: string;
  readonly preferredRole: string;
  /** s: primary and mirror are in sync; n: they are not, or there is no mirror */
  readonly mode: string;
  /** u or d */
  readonly status: string;
  readonly host: string;
  readonly port: number;
}

const NAMED_MAX = 10;

export function readInstances(session: Session): Promise<InstanceRow[]> {
  return session.query<InstanceRow>(
    `SELECT dbid::int AS dbid, content::int AS content, role::text AS role, preferred_role::text AS "preferredRole",
            mode::text AS mode, status::text AS status, address AS host, port::int AS port
     FROM pg_catalog.gp_segment_configuration ORDER BY content, role DESC`,
  );
}

/**
 * Whether the cluster is healthy, as the coordinator knows it: it may notice a lost host a minute
 * later.
 */
export function judgeTopology(rows: readonly InstanceRow[]): ServerCheck[] {
  return [primaries(rows), mirrors(rows), standby(rows), preferredRoles(rows)];
}

/**
 * The instances that have the rows now. A content without a primary that is up is not in the list.
 */
export function primariesUp(rows: readonly InstanceRow[]): InstanceRow[] {
  return rows.filter(({ content, role, status }) => content >= 0 && role === 'p' && status === 'u');
}

function primaries(rows: readonly InstanceRow[]): ServerCheck {
  const name = 'primaries';
  const up = new Set(primariesUp(rows).map(({ content }) => content));
  const contents = Math.max(-1, ...rows.map(({ content }) => content)) + 1;
  if (contents === 0) return { name, ok: false, detail: 'the coordinator has no segments' };
  const without = Array.from({ length: contents }, (_, content) => content).filter(
    (content) => !up.has(content),
  );
  if (without.length === 0)
    return { name, ok: true, detail: `up for every content, 0 to ${contents - 1}` };
  const lost = without.map((content) => {
    const last = rows.find((row) => row.content === content);
    return last === undefined ? `content ${content}` : `${placeOf(last)}`;
  });
  const detail = `no primary is up: ${some(lost)}; start it, or run gprecoverseg`;
  return { name, ok: false, detail };
}

function mirrors(rows: readonly InstanceRow[]): ServerCheck {
  const name = 'mirrors';
  const segments = rows.filter(({ content }) => content >= 0);
  const contents = new Set(segments.map(({ content }) => content));
  const all = segments.filter(({ role }) => role === 'm');
  if (all.length === 0)
    return { name, ok: true, remark: true, detail: 'none: a lost disk means lost rows' };
  const down = all.filter(({ status }) => status !== 'u');
  const behind = all.filter(({ mode, status }) => status === 'u' && mode !== 's');
  const wrong = [
    ...down.map((row) => `${placeOf(row)} is down`),
    ...behind.map((row) => `${placeOf(row)} is not in sync`),
  ];
  if (wrong.length > 0)
    return {
      name,
      ok: false,
      detail: `${some(wrong)}; run gprecoverseg. A backup works, because it reads the primaries`,
    };
  if (all.length === contents.size)
    return { name, ok: true, detail: `${all.length} up and in sync` };
  const mirrored = new Set(all.map(({ content }) => content));
  const without = [...contents]
    .filter((content) => !mirrored.has(content))
    .map((content) => `content ${content}`);
  return {
    name,
    ok: true,
    remark: true,
    detail: `${some(without)} without a mirror; the other mirrors are in sync`,
  };
}

function standby(rows: readonly InstanceRow[]): ServerCheck {
  const name = 'standby coordinator';
  const found = rows.find(({ content, role }) => content === -1 && role === 'm');
  if (found === undefined) return { name, ok: true, remark: true, detail: 'none' };
  const up = found.status === 'u';
  return { name, ok: up, detail: `${placeOf(found)} is ${up ? 'up' : 'down'}` };
}

function preferredRoles(rows: readonly InstanceRow[]): ServerCheck {
  const name = 'roles';
  const swapped = rows.filter(({ role, preferredRole }) => role === 'p' && preferredRole !== 'p');
  if (swapped.length === 0)
    return { name, ok: true, detail: 'every instance has its preferred role' };
  const detail = `mirrors act as primaries: ${some(swapped.map(placeOf))}; run gprecoverseg -r to restore the preferred roles`;
  return { name, ok: false, detail };
}

const placeOf = ({ content, dbid, host, port }: InstanceRow) =>
  `content ${content} dbid ${dbid} at ${host}:${port}`;

function some(texts: readonly string[]): string {
  const more = texts.length - NAMED_MAX;
  return `${texts.slice(0, NAMED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
