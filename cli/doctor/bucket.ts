import { plural } from '../../backup-set/base/words.ts';
import type { BucketAnswer, BucketSetup } from '../../storage/s3/inspect-bucket.ts';
import { REFUSED, refusedBy } from './bucket-policy.ts';
import type { Check } from './check.ts';

const WHY: Readonly<Record<(typeof REFUSED)[number], string>> = {
  'requests without TLS': 'keys and rows can cross the network unencrypted',
  overwriting: "a stolen shipper's key can overwrite existing objects",
  'keys of writers':
    'an attacker can encrypt objects with a key that only the attacker has (SSE-C)',
  deletion: 'every role of the account with the right to delete can delete sets',
  'removal of versions':
    'a role with the right to delete versions removes sets for good, before the lifecycle rule does',
};

/** Compares the bucket with infra/aws/resources/bucket.yml and bucket-policy.yml. Pure. */
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

  function checkSetting<T>(
    name: string,
    said: BucketAnswer<T>,
    then: (value: T | undefined) => Check,
  ): Check[] {
    if (said.ok) return [then(said.value)];
    if (said.failure === 'denied')
      return [
        note(
          name,
          `not checked: these credentials have no right to read it. Use ${isAws ? 'the role Operator or Audit' : 'the credentials of the owner of the bucket'}`,
        ),
      ];
    return isAws ? [note(name, 'not checked: the server does not support the request')] : [];
  }

  return [
    ...checkSetting('versioning', setup.versioning, (status) => {
      if (status === 'Enabled')
        return isAws
          ? ok('versioning', 'on: deleted objects can be recovered for some days')
          : note(
              'versioning',
              'on: some servers then accept overwrites. `stowage doctor` without --deployment tests whether this one refuses them',
            );
      const off = 'off: deleted objects cannot be recovered';
      return isAws
        ? note('versioning', `${off}. Turn it on, with a lifecycle rule for noncurrent versions`)
        : ok('versioning', off);
    }),
    ...checkSetting('Object Lock', setup.objectLock, (lock) => {
      if (lock === undefined)
        return note(
          'Object Lock',
          'off: a role with the right to delete can delete sets at any time',
        );
      return lock.mode === undefined
        ? note('Object Lock', 'on, without a default retention: it locks nothing')
        : ok('Object Lock', `${lock.mode}, ${plural(lock.days ?? 0, 'day')}`);
    }),
    ...checkSetting('public access', setup.publicBlocked, (blocked) => {
      if (blocked === true) return ok('public access', 'blocked: all four settings are on');
      const open =
        'not blocked: one wrong policy or ACL would make every backup public. Turn on Block Public Access for the bucket';
      return isAws ? bad('public access', open) : note('public access', open);
    }),
    ...checkSetting('encryption', setup.encryption, (found) =>
      found === undefined
        ? note('encryption', 'no default: objects are stored unencrypted')
        : ok(
            'encryption',
            `${found.algorithm}${found.keyId === undefined ? '' : ` with key ${found.keyId}`}`,
          ),
    ),
    ...checkSetting('unfinished uploads', setup.abortsUploadsAfterDays, (days) =>
      days === undefined
        ? note(
            'unfinished uploads',
            'no lifecycle rule aborts them: without a sweeper they stay, and are billed, until they are aborted by hand',
          )
        : ok('unfinished uploads', `aborted after ${plural(days, 'day')}`),
    ),
    ...checkPolicy(setup, { ok, note, checkSetting }),
    ...checkSetting('events', setup.notifies, (found) => {
      const others = found?.others ?? 0;
      if (found?.eventBridge === true) return ok('events', 'sent to EventBridge');
      if (others > 0)
        return ok('events', `sent by ${plural(others, 'notification configuration')}`);
      const none = 'the bucket sends no events: only the sweeper finds new objects';
      return isAws
        ? bad('events', `${none}. Turn on EventBridge notifications`)
        : note('events', none);
    }),
  ];
}

interface Report {
  readonly ok: (name: string, detail: string) => Check;
  readonly note: (name: string, detail: string) => Check;
  readonly checkSetting: <T>(
    name: string,
    said: BucketAnswer<T>,
    then: (value: T | undefined) => Check,
  ) => Check[];
}

/**
 * On AWS only: other servers support other conditions or none, so their policies cannot deny these.
 */
function checkPolicy(
  { policy, isAws, bucket, prefix }: BucketSetup,
  { ok, note, checkSetting }: Report,
): Check[] {
  if (!isAws) return [];
  if (!policy.ok) return checkSetting('policy', policy, () => ok('policy', ''));
  const refused = refusedBy(policy.value ?? '', { bucket, prefix });
  return REFUSED.map((what) =>
    refused.has(what)
      ? ok(`policy: ${what}`, 'denied for every principal')
      : note(
          `policy: ${what}`,
          `not denied: ${WHY[what]}. docs/security.md has the statement to add`,
        ),
  );
}
