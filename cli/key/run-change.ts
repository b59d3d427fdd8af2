import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { isKmsKey, recipientProblem } from '../../encryption/recipients.ts';
import type { Recipients } from '../../encryption/set-key.ts';
import type { Deps } from '../../functions/deps.ts';
import type { Flags } from '../command.ts';
import type { ClusterContext } from '../context.ts';
import { identitiesOf, kmsOf } from '../keys/identities.ts';
import { type Change, isSame, namesOf, planChange, type SetChange } from './change.ts';
import { progressOf } from './progress.ts';
import { type Rewrapped, rewrap } from './rewrap.ts';
import { setsWithKeys } from './sets.ts';

const SHOWN = 20;

/** `stowage key add`, `remove` and `rotate`: without --yes they only say what they would do. */
export async function changeKeys(
  context: ClusterContext,
  deps: Deps,
  {
    kind,
    name,
    flags,
  }: { readonly kind: Change['kind']; readonly name: string; readonly flags: Flags },
): Promise<number> {
  const change = changeFrom(context, kind, name);
  const sets = await setsWithKeys(deps, { plans: 'all', progress: progressOf(context) });
  const planned = planChange(sets, change);
  const blocked = planned.filter(({ problem }) => problem !== undefined);
  const changes = planned.filter(({ problem }) => problem === undefined);
  const value = { root: deps.store.url, change: kind, to: namesOf(change.to), sets: planned };
  const after = planText(planned);
  if (flags['yes'] !== true || changes.length === 0) {
    const end = changes.length === 0 ? 'nothing to do' : 'nothing was changed; add --yes to do it';
    context.output.result({ ...value, done: false }, [...after, end].join('\n'));
    return blocked.length === 0 ? 0 : 4;
  }
  const identities = await identitiesOf(context);
  if (identities.age.length === 0 && identities.kms === undefined)
    throw new StowageError(
      'encryption/no-identity',
      'no identity is named: the keys of the sets must be opened before they can be wrapped again',
    );
  const progress = progressOf(context, 'wrapped the keys of');
  const to = change.to;
  const done = await rewrap(deps, changes, { to, sets, identities, kms: kmsOf(context), progress });
  context.output.result(
    { ...value, done: true, ...done },
    [...after, ...doneText(done, deps), ...warningsOf(change, done, deps)].join('\n'),
  );
  if (done.failed.length > 0) return 3;
  return blocked.length === 0 ? 0 : 4;
}

function changeFrom({ config }: ClusterContext, kind: Change['kind'], name: string): Change {
  const { recipients = [], kms } = config.encryption ?? {};
  const configured: Recipients = { recipients, ...(kms !== undefined && { kms }) };
  if (kind === 'rotate') {
    if (namesOf(configured).length > 0) return { kind, to: configured };
    throw new StowageError(
      'config/missing',
      'encryption.recipients is empty: `stowage key rotate` wraps the keys of all sets for the recipients of the configuration',
      { where: { field: 'encryption.recipients' } },
    );
  }
  const problem = isKmsKey(name) ? undefined : recipientProblem(name);
  if (problem !== undefined)
    throw new StowageError('encryption/recipient', `the recipient ${problem}`);
  if (kind === 'add')
    return { kind, to: isKmsKey(name) ? { recipients: [], kms: name } : { recipients: [name] } };
  if (namesOf(configured).some((one) => isSame(name, one)))
    throw new StowageError(
      'encryption/recipient',
      `${name} is still a recipient of the configuration, so the next set would be encrypted for it again: remove it from encryption first`,
      { where: { field: 'encryption.recipients' } },
    );
  if (namesOf(configured).length === 0)
    throw new StowageError(
      'config/missing',
      'encryption.recipients is empty: the sets would have no recipient left',
      { where: { field: 'encryption.recipients' } },
    );
  return { kind, recipient: name, to: configured };
}

/** Successive sets with the same change are one line. */
function planText(planned: readonly SetChange[]): string[] {
  const lines: { first: string; last: string; sets: number; what: string }[] = [];
  for (const { timestamp, before, after, problem } of planned) {
    const gone = before.filter((stored) => !after.some((named) => isSame(stored, named)));
    const added = after.filter((named) => !before.some((stored) => isSame(stored, named)));
    const parts = [...gone.map((one) => `-${one}`), ...added.map((one) => `+${one}`)];
    const what = problem === undefined ? parts.join(' ') || 'wrapped again' : `BAD: ${problem}`;
    const open = lines.at(-1);
    // A set, and the keys of its hosts.
    if (open?.what === what && open.last === timestamp) continue;
    if (open?.what === what) Object.assign(open, { last: timestamp, sets: open.sets + 1 });
    else lines.push({ first: timestamp, last: timestamp, sets: 1, what });
  }
  return lines.map(({ first, last, sets, what }) =>
    sets === 1 ? `set ${first}: ${what}` : `sets ${first} to ${last} (${sets}): ${what}`,
  );
}

function doneText({ written, removed, failed }: Rewrapped, { store }: Deps): string[] {
  return [
    '',
    `${plural(written, 'set')} wrapped again${removed > 0 ? `, ${plural(removed, 'older key document')} removed` : ''}`,
    ...failed.slice(0, SHOWN).map(({ message }) => `BAD  ${message}`),
    ...(failed.length > 0
      ? [
          `${plural(failed.length, 'set')} under ${store.url} not changed. What is done stays: remove the cause, and run the command again`,
        ]
      : []),
  ];
}

/** What a removed recipient can still do. */
function warningsOf({ kind }: Change, { removed }: Rewrapped, { store }: Deps): string[] {
  if (kind === 'add' || removed === 0) return [];
  return [
    '',
    'The keys of the sets are the same as before: a copy of an older key document that was made until now still opens its set for a removed recipient. Sets that are made from now on are closed to it.',
    ...(store.kind === 's3'
      ? [
          'A bucket with versions keeps the removed documents as older versions until its lifecycle rule removes them, and Object Lock until the lock ends.',
        ]
      : []),
    'Copies under other roots are not changed: run the command with --root for each.',
  ];
}
