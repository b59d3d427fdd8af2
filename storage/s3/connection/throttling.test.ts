import { expect, test } from 'vitest';
import { isThrottling } from './throttling.ts';

const thrown = (name: string, status?: number, requestId?: string) =>
  Object.assign(new Error('words'), { name, $metadata: { httpStatusCode: status, requestId } });

test.each([
  ['Ceph, AWS', 'SlowDown', 503],
  ['AWS', 'ServiceUnavailable', 503],
  ['MinIO', 'SlowDownWrite', 503],
  ['MinIO', 'SlowDownRead', 503],
  ['MinIO', 'XMinioServerBusy', 503],
  ['a cloud', 'TooManyRequests', 429],
  ['a gateway that limits rates', 'Error', 429],
  ['an emulator', 'ThrottlingException', 400 + 100],
])('%s asks to slow down with %s (HTTP %i)', (_, name, status) => {
  expect(isThrottling(thrown(name, status))).toBe(true);
});

test.each([
  ['the page of a gateway, which is no XML', 'Error', 503],
  ['an answer of a gateway without a body', 'Unknown', 503],
  ['a server error', 'InternalError', 500],
  ['a gateway that lost its server', 'Unknown', 502],
  ['a refusal', 'AccessDenied', 403],
  ['no answer', 'TimeoutError', undefined],
])('%s does not ask to slow down (%s, HTTP %i)', (_, name, status) => {
  expect(isThrottling(thrown(name, status))).toBe(false);
});

test('an unnamed 503 asks to slow down when the S3 server gave it an id, or has just asked', () => {
  expect(isThrottling(thrown('Unknown', 503, 'tx0001'))).toBe(true);
  expect(isThrottling(thrown('Unknown', 503), true)).toBe(true);
  expect(isThrottling(thrown('Unknown', 500, 'tx0001'), true)).toBe(false);
  expect(isThrottling(undefined)).toBe(false);
});
