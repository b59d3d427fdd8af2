import { describe, expect, test } from 'vitest';
import { encode, type RawDocument, sha256 } from '../base/document.ts';
import { type Expected, readPinned } from './pinned.ts';
import { TaskRequest } from './tasks.ts';

const TASK = '20260131120000123-20260131120000-verify';
const KEY = `tasks/${TASK}/request.json`;
const request: TaskRequest = {
  format: 'stowage/task-request',
  version: 1,
  task: TASK,
  requestedAt: '2026-01-31T12:00:00.000Z',
};
const right: RawDocument = { key: KEY, bytes: encode(TaskRequest, request) };
const other: RawDocument = {
  key: KEY,
  bytes: encode(TaskRequest, { ...request, task: `9${TASK.slice(1)}` }),
};
const garbage: RawDocument = { key: KEY, bytes: new Uint8Array([1]) };

const pinnedTo = ({ bytes }: RawDocument) => ({ sha256: sha256(bytes), by: 'seal' });
const readWith = (
  candidates: readonly RawDocument[],
  expected: Partial<Expected<TaskRequest>> = {},
) => readPinned(TaskRequest, candidates, { key: KEY, ...expected });

test('readPinned returns the document if it is the pinned one, and ignores other keys', () => {
  const elsewhere = { key: 'tasks/x.json', bytes: garbage.bytes };
  expect(readWith([elsewhere, right], { pin: pinnedTo(right) })).toEqual({
    ok: true,
    value: request,
  });
});

describe('readPinned fails', () => {
  const cases: [string, readonly RawDocument[], Partial<Expected<TaskRequest>>, object][] = [
    [
      'if the document is missing',
      [],
      {},
      { code: 'object-missing', message: 'the document is missing' },
    ],
    [
      'if a pinned document is missing',
      [],
      { pin: pinnedTo(right) },
      { code: 'object-missing', message: 'the document is missing, but the seal lists it' },
    ],
    ['if there are two versions', [right, other], {}, { code: 'documents-disagree' }],
    [
      'if its digest is not the pinned one',
      [other],
      { pin: pinnedTo(right) },
      {
        code: 'documents-disagree',
        message: 'the SHA-256 of the document differs from the one in the seal',
      },
    ],
    ['if it cannot be parsed', [garbage], {}, { code: 'document-unreadable' }],
    [
      'if a field does not match the key, even with the pinned digest',
      [other],
      { pin: pinnedTo(other) },
      {
        code: 'documents-disagree',
        message: `field task of the document is 9${TASK.slice(1)} instead of ${TASK}`,
      },
    ],
    [
      'with the code and content of its caller',
      [],
      { codes: { missing: 'receipt-missing' }, content: 3 },
      { code: 'receipt-missing', content: 3 },
    ],
  ];
  test.each(cases)('%s', (_, candidates, expected, problem) => {
    expect(readWith(candidates, expected)).toMatchObject({
      ok: false,
      failure: { object: KEY, ...problem },
    });
  });
});
