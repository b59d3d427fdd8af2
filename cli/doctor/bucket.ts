import type { BucketSetup, Said } from '../../storage/s3/deployment.ts';
import { REFUSED, refusedBy } from './bucket-policy.ts';
import type { Check } from './check.ts';

const WHY: Readonly<Record<(typeof REFUSED)[number], string>> = {
  'requests without TLS': 'keys and rows can cross the network in the clear',
  overwriting: 'who has the keys of a shipper can overwrite what is there',
  'keys of writers': 'objects can be taken hostage by SSE-C',
  deletion: 'whoever may delete in the account can delete sets',
};

/** The bucket's set-up beside what the template makes (infra/aws/resources/bucket.yml, bucket-policy.yml). Pure. */
export function checkBucketSetup(setup: BucketSetup, of: string): Check[] {
  const { isAws } = setup;
  const ok = (name: string, detail: string): Check => ({ of, name, ok: true, detail });
  const note = (name: string, detail: string): Check => ({
    of,
    name,
    ok: true,
    remark: true,
    detail,
  });
  const bad = (name: string, detail: string): Check => ({ of, name, ok: false, detail });

  function judge<T>(name: string, said: Said<T>, then: (value: T | undefined) => Check): Check[] {
    if ('value' in said) return [then(said.value)];
    if (said.unsaid === 'denied')
      return [
        note(
          name,
          `these credentials may not look: ${isAws ? 'the roles Operator and Audit' : 'the owner of the bucket'} may`,
        ),
      ];
    return isAws ? [note(name, 'the server does not say')] : [];
  }

  return [
    ...judge('versioning', setup.versioning, (status) => {
      if (status === 'Enabled')
        return isAws
          ? ok('versioning', 'on: what is deleted can be brought back for some days')
          : note(
              'versioning',
              'on: not every server then refuses to overwrite; see the check of storage',
            );
      const off = 'off: what is deleted is gone';
      return isAws
        ? note('versioning', `${off}; turn it on, with a rule for noncurrent versions`)
        : ok('versioning', off);
    }),
    ...judge('Object Lock', setup.objectLock, (lock) =>
      lock === undefined
        ? note('Object Lock', 'none: a set is as safe as the keys of whoever may delete it')
        : ok(
            'Object Lock',
            lock.mode === undefined ? 'on, without a default' : `${lock.mode}, ${lock.days} days`,
          ),
    ),
    ...judge('public access', setup.publicBlocked, (blocked) => {
      if (blocked === true) return ok('public access', 'blocked, all four ways');
      const open =
        'not blocked: one wrong policy or ACL opens every backup; block it for the bucket';
      return isAws ? bad('public access', open) : note('public access', open);
    }),
    ...judge('encryption', setup.encryption, (found) =>
      found === undefined
        ? note('encryption', 'no default: objects are stored as they are')
        : ok(
            'encryption',
            `${found.algorithm}${found.keyId === undefined ? '' : ` by ${found.keyId}`}`,
          ),
    ),
    ...judge('unfinished uploads', setup.abortsUploadsAfterDays, (days) =>
      days === undefined
        ? note(
            'unfinished uploads',
            'no lifecycle rule aborts them; where no sweeper runs they are paid for, for ever',
          )
        : ok('unfinished uploads', `aborted after ${days} days`),
    ),
    ...checkPolicy(setup, { ok, note, judge }),
    ...judge('events', setup.notifies, (found) => {
      const others = found?.others ?? 0;
      if (found?.eventBridge === true) return ok('events', 'sent to EventBridge');
      if (others > 0)
        return ok('events', `sent by ${others} configuration${others === 1 ? '' : 's'}`);
      const none = 'the bucket tells nobody: only the sweeper works';
      return isAws
        ? bad('events', `${none}; send its events to EventBridge`)
        : note('events', none);
    }),
  ];
}

interface Say {
  readonly ok: (name: string, detail: string) => Check;
  readonly note: (name: string, detail: string) => Check;
  readonly judge: <T>(
    name: string,
    said: Said<T>,
    then: (value: T | undefined) => Check,
  ) => Check[];
}

/** Other servers know other conditions, or none: there the policy gives the rights, and says nothing of this kind. */
function checkPolicy(
  { policy, isAws, bucket, prefix }: BucketSetup,
  { ok, note, judge }: Say,
): Check[] {
  if (!isAws) return [];
  if ('unsaid' in policy) return judge('policy', policy, () => ok('policy', ''));
  const refused = refusedBy(policy.value ?? '', { bucket, prefix });
  return REFUSED.map((what) =>
    refused.has(what)
      ? ok(`policy: ${what}`, 'refused to everybody')
      : note(`policy: ${what}`, `not refused: ${WHY[what]}; docs/security.md has the statement`),
  );
}
