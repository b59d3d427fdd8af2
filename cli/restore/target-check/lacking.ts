import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import type { LookedAt } from './server.ts';
import type { SetNeeds } from './set-needs.ts';

export const NEED_KINDS = [
  'roles',
  'extensions',
  'tablespaces',
  'languages',
  'accessMethods',
] as const;
export type NeedKind = (typeof NEED_KINDS)[number];

/** Something that the objects of the set need on a server of the target. */
export interface Need {
  readonly kind: NeedKind;
  readonly name: string;
  readonly neededOn: readonly number[];
  readonly missingOn: readonly number[];
  /** Versions of an extension that the servers would install. */
  readonly versions?: readonly string[];
  /** Contents whose role may not create the extension. */
  readonly deniedOn?: readonly number[];
}

type Request = Pick<RestoreRequest, 'noOwner' | 'noAcl'>;

/** The needs of all contents, by kind and name. Roles that the restore leaves out do not count. */
export function needsOn(looked: readonly LookedAt[], request: Request): Need[] {
  const merged = new Map<string, Need>();
  for (const { segment, needs, has } of looked) {
    if (typeof needs === 'string') continue;
    for (const [kind, name, found] of needsIn(needs, has, request)) {
      const key = `${kind} ${name}`;
      const before = merged.get(key) ?? { kind, name, neededOn: [], missingOn: [] };
      const { versions = [], deniedOn = [] } = before;
      const at = (holds: boolean | undefined, contents: readonly number[]) =>
        holds === true ? [...contents, segment.content] : contents;
      merged.set(key, {
        ...before,
        neededOn: at(true, before.neededOn),
        missingOn: at(found.isMissing, before.missingOn),
        ...(kind === 'extensions' && {
          versions: [...new Set([...versions, ...(found.version ?? [])])],
          deniedOn: at(found.isDenied, deniedOn),
        }),
      });
    }
  }
  const order = (need: Need) => NEED_KINDS.indexOf(need.kind);
  return [...merged.values()].sort((a, b) => order(a) - order(b) || compare(a.name, b.name));
}

interface Found {
  readonly isMissing: boolean;
  readonly version?: readonly string[];
  readonly isDenied?: boolean;
}

function* needsIn(
  needs: SetNeeds,
  has: LookedAt['has'],
  request: Request,
): Generator<readonly [NeedKind, string, Found]> {
  const { created } = needs;
  for (const role of rolesOf(needs, request))
    yield [
      'roles',
      role,
      { isMissing: has.missing.roles.includes(role) && !created.roles.has(role) },
    ];
  let bringsMore = false;
  for (const { name, available, installed, mayCreate } of has.extensions) {
    bringsMore ||= !installed;
    yield [
      'extensions',
      name,
      {
        isMissing: available === null && !installed,
        version: available === null ? [] : [available],
        isDenied: available !== null && !installed && !mayCreate,
      },
    ];
  }
  for (const name of needs.tablespaces)
    yield [
      'tablespaces',
      name,
      { isMissing: has.missing.tablespaces.includes(name) && !created.tablespaces.has(name) },
    ];
  for (const name of needs.languages)
    yield ['languages', name, { isMissing: has.missing.languages.includes(name) }];
  for (const name of needs.accessMethods) {
    // An extension that the restore creates may bring it.
    const isBrought = needs.brought.has(name) || bringsMore;
    yield [
      'accessMethods',
      name,
      { isMissing: has.missing.accessMethods.includes(name) && !isBrought },
    ];
  }
}

function rolesOf({ owners, grantees, members }: SetNeeds, request: Request): Set<string> {
  return new Set([
    ...(request.noOwner ? [] : owners),
    ...(request.noAcl === true ? [] : grantees),
    ...members,
  ]);
}

/** What is missing, as reasons to refuse: one for each kind, and what to do. */
export function lackingReasons(
  needs: readonly Need[],
  looked: readonly LookedAt[],
  request: Request,
): Problem[] {
  return NEED_KINDS.flatMap((kind) => {
    const missing = needs.filter((need) => need.kind === kind && need.missingOn.length > 0);
    const denied = needs.filter((need) => (need.deniedOn ?? []).length > 0);
    return [
      ...(missing.length === 0 ? [] : [reason(kind, missing, looked, request)]),
      ...(kind === 'extensions' && denied.length > 0 ? [deniedReason(denied)] : []),
    ];
  });
}

function reason(
  kind: NeedKind,
  missing: readonly Need[],
  looked: readonly LookedAt[],
  request: Request,
): Problem {
  const contents = contentsOf(missing.flatMap(({ missingOn }) => missingOn));
  const names = namesOf(missing);
  const place = `the target lacks ${names} on content ${contents.join(', ')}`;
  const version = [...new Set(looked.map(({ has }) => has.version.split('.')[0]))].join(' and ');
  const text = {
    roles: () => `${place}: ${missingRoles(missing, looked, request)}`,
    extensions: () =>
      `${place}: their files are not installed there (NAME.control). Install the packages that have them for PostgreSQL ${version}, in a version that can read the rows of the source`,
    tablespaces: () =>
      `${place}. Create them, or restore the tablespaces of the set with --globals; their directories must exist`,
    languages: () => `${place}. Install the packages that have these languages`,
    accessMethods: () => `${place}. Install the extensions that have these access methods`,
  }[kind]();
  return { code: 'target-refused', message: text, ...oneContent(contents) };
}

function missingRoles(
  missing: readonly Need[],
  looked: readonly LookedAt[],
  request: Request,
): string {
  const needed = (role: string, as: 'owners' | 'grantees' | 'members') =>
    looked.some(({ needs }) => typeof needs !== 'string' && needs[as].has(role));
  const some = (as: 'owners' | 'grantees' | 'members') =>
    missing.some(({ name }) => needed(name, as));
  const owner = !request.noOwner && some('owners');
  const acl = request.noAcl !== true && some('grantees');
  const member = some('members');
  const uses = [
    ...(owner ? ['own objects of the set'] : []),
    ...(acl ? ['have rights on objects of it'] : []),
    ...(member ? ['are named by its policies or user mappings'] : []),
  ];
  const flags = [...(owner ? ['--no-owner'] : []), ...(acl ? ['--no-acl'] : [])].join(' ');
  const without = member || flags === '' ? '' : `, or leave owners and rights out with ${flags}`;
  return `they ${uses.join(', or ')}. Restore the roles of the set too with --globals${without}`;
}

function deniedReason(denied: readonly Need[]): Problem {
  const contents = contentsOf(denied.flatMap(({ deniedOn = [] }) => deniedOn));
  const message = `the role of the restore may not create ${namesOf(denied)} on content ${contents.join(', ')}: only a superuser may. Restore as a superuser, or create them in an existing database and restore without --create`;
  return { code: 'target-refused', message, ...oneContent(contents) };
}

export const NEED_NOUNS: Readonly<Record<NeedKind, string>> = {
  roles: 'role',
  extensions: 'extension',
  tablespaces: 'tablespace',
  languages: 'language',
  accessMethods: 'access method',
};
const NAMED_MAX = 20;

function namesOf(needs: readonly Need[]): string {
  const noun = NEED_NOUNS[needs[0]?.kind ?? 'roles'];
  const named = needs.slice(0, NAMED_MAX).map(({ name }) => name);
  const more = needs.length > NAMED_MAX ? ` and ${needs.length - NAMED_MAX} more` : '';
  return `${noun}${needs.length === 1 ? '' : 's'} ${named.join(', ')}${more}`;
}

const contentsOf = (contents: readonly number[]) => [...new Set(contents)].sort((a, b) => a - b);

const oneContent = (contents: readonly number[]) => {
  const [content] = contents;
  return contents.length === 1 && content !== undefined ? { content } : {};
};

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
