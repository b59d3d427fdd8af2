import { expect, test } from 'vitest';
import { describeIssue } from '../../backup-set/messages/issue.ts';
import { Config, FIELDS } from './schema.ts';

const VALID = {
  root: 'file:///backups',
  database: 'orders',
  segments: [{ content: 0, host: 'db0' }],
};

function messageFor(change: object): string | undefined {
  const values = { ...VALID, ...change };
  const issue = Config.safeParse(values).error?.issues[0];
  return issue && describeIssue(issue, values, FIELDS);
}

test.each([
  [{ databse: 'x' }, 'unknown field databse (did you mean database?)'],
  [{ shippers: { worker: 2 } }, 'unknown field shippers.worker (did you mean shippers.workers?)'],
  [{ nonsense: 1 }, 'unknown field nonsense'],
  [{ database: undefined }, 'database is missing'],
  [{ segments: [] }, 'segments is missing: flavour shards needs one entry per server'],
  [{ shippers: { workers: 'many' } }, 'shippers.workers must be a number, not "many"'],
  [{ shippers: { workers: 100 } }, 'shippers.workers must be at most 64, not 100'],
  [{ serve: { sweepSeconds: 0 } }, 'serve.sweepSeconds must be more than 0, not 0'],
  [{ cluster: '' }, 'cluster must not be empty'],
  [{ root: '/mnt' }, 'root must start with file:/// or s3://bucket, not "/mnt"'],
  [{ storage: { endpoint: 'x' } }, 'storage.endpoint must be a URL, not "x"'],
  [
    { storage: { endpoint: 'https://key:sekrit@h' } },
    'storage.endpoint must not contain a user or password; give the keys by the AWS_… variables or by ~/.aws',
  ],
  [
    { replica: { endpoint: 'https://sekrit@h' } },
    'replica.endpoint must not contain a user or password; give the keys by the AWS_… variables or by ~/.aws',
  ],
  [
    { root: 's3://key:sekrit@bucket/x' },
    'root must not contain a user or password; give the keys by the AWS_… variables or by ~/.aws',
  ],
  [
    { root: 'https://key:sekrit@h' },
    'root must start with file:/// or s3://bucket, not "https://…@h"',
  ],
  [{ storage: { endpoint: 'key:sek/rit@h' } }, 'storage.endpoint must be a URL, not "…@h"'],
  [
    { connection: { sslrootcert: '/ca.crt' } },
    'connection.sslrootcert does not protect with sslmode prefer: a server with another certificate would get a connection without TLS. Set connection.sslmode to verify-full',
  ],
  [
    { connection: { sslmode: 'verify-ca', sslrootcert: 'system' } },
    'connection.sslrootcert is "system", which needs sslmode verify-full: these authorities sign certificates for any host',
  ],
  [
    { retention: { tags: { 'a b': { keepLast: 1 } } } },
    'retention.tags.a b is not a valid name: it must be of letters, digits, _, . and -',
  ],
  [{ connection: 'password:sekrit' }, 'connection must be a mapping, not "password:…"'],
  [{ connection: 'password sekrit' }, 'connection must be a mapping, not "password …"'],
  [{ database: { password: 'sekrit' } }, 'database must be a text, not {"password":…'],
  [
    { announce: { channels: [{ name: 'a', webhook: { url: 'hooks.example.org/T0/sekrit' } }] } },
    'announce.channels[0].webhook.url must be a URL that begins with https:// or http://, not "hooks.example.org/…"',
  ],
  [{ functions: 'none' }, 'functions must be one of "inline", "events", not "none"'],
  [
    { backup: { includeTables: ['a..b'] } },
    'backup.includeTables[0] must be a pattern (schema, schema.table, "a.b".c or sch*), not "a..b"',
  ],
  [{ serve: { tlsCert: '/x' } }, 'serve: set both serve.tlsCert and serve.tlsKey, or neither'],
])('a configuration with %j gives the message: %s', (change, message) => {
  expect(messageFor(change)).toBe(message);
});

test('a long value is shortened in the message', () => {
  expect(messageFor({ root: 'x'.repeat(1_000) })?.length).toBeLessThan(200);
});
