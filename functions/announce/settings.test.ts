import { describe, expect, test } from 'vitest';
import { type AnnounceSettings, eventsOfChannel, AnnounceSettings as Schema } from './settings.ts';

const WEBHOOK = { url: 'https://hooks.example.org/x' };
const MAIL = { to: ['dba@example.org'], from: 'Stowage <s@example.org>', server: 'smtp' };

const problemsOf = (channel: object): string[] => {
  const result = Schema.safeParse({ channels: [channel] });
  return result.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];
};

describe('announce:', () => {
  test('is valid with nothing, and then announces nothing', () => {
    expect(Schema.parse({})).toEqual({ channels: [] } satisfies AnnounceSettings);
  });

  test('has a webhook, mail, SNS or a command in a channel', () => {
    for (const kind of [
      { webhook: WEBHOOK },
      { mail: MAIL },
      { sns: { topic: 'arn:aws:sns:eu-central-1:1:t' } },
      { command: ['/usr/local/bin/page'] },
    ])
      expect(problemsOf({ name: 'ops', ...kind })).toEqual([]);
  });

  test.each([
    [{ name: 'ops' }, 'exactly one of webhook, mail, sns, command'],
    [{ name: 'ops', webhook: WEBHOOK, mail: MAIL }, 'exactly one of webhook, mail, sns, command'],
    [{ name: 'ops', webhook: {} }, 'exactly one of url and urlFile'],
    [{ name: 'Ops', webhook: WEBHOOK }, 'must be a lower-case letter'],
    [{ name: 'on-call', webhook: WEBHOOK }, 'must be a lower-case letter'],
    [{ name: 'ops', webhook: { url: 'hooks.example.org' } }, 'must be a URL'],
    [{ name: 'ops', webhook: { url: 'file:///etc/passwd' } }, 'must be a URL'],
    [{ name: 'ops', webhook: { url: 'https://u:p@hooks.example.org/' } }, 'a user or password'],
    [{ name: 'ops', command: ['x'], secretFile: '/s' }, 'secretFile is for webhook and mail only'],
    [{ name: 'ops', mail: { ...MAIL, tls: 'none', user: 'u' } }, 'would be sent in clear'],
    [{ name: 'ops', mail: { ...MAIL, to: ['dba'] } }, 'must be a mail address'],
    [{ name: 'ops', mail: { ...MAIL, to: ['a@b\r\nBcc: c@d'] } }, 'must be a mail address'],
    [{ name: 'ops', webhook: WEBHOOK, subject: '{nmae}' }, 'unknown field {nmae}'],
    [{ name: 'ops', webhook: WEBHOOK, events: ['set-lost'] }, 'Invalid option'],
  ])('refuses %o', (channel, problem) => {
    expect(problemsOf(channel).join('\n')).toContain(problem);
  });

  test('refuses two channels with one name, because they would share a ledger', () => {
    const channel = { name: 'ops', webhook: WEBHOOK };
    expect(Schema.safeParse({ channels: [channel, channel] }).error?.message).toContain(
      'channel ops is listed twice',
    );
  });
});

describe('the events of a channel', () => {
  test('are those of its severities and those that it names', () => {
    expect([...eventsOfChannel({ events: ['warning', 'set-complete'] })].toSorted()).toEqual([
      'agent-silent',
      'expiry-failed',
      'set-complete',
      'set-warnings',
    ]);
  });
});
