import { describe, expect, test } from 'vitest';
import type { Heard } from '../../../functions/heard/heard.ts';
import { judgeSignatures } from './signatures.ts';

const OWN = 'stowagesign1own';
const segment = (content: number) => ({ content, host: `db${content}`, port: 5432 });
const agent = (content: number, signedBy?: string[], isOverdue = false): Heard => ({
  role: 'agent',
  name: `agent${content}`,
  tool: 'stowage 1',
  lastAt: new Date('2026-01-01T00:00:00Z'),
  isOverdue,
  contents: [segment(content)],
  signedBy,
});
const segments = [0, 1, 2].map(segment);

describe('the check of signed orders', () => {
  test('fails for contents whose agents obey other keys, and notes those that obey every order', () => {
    const heard = [agent(0, [OWN, 'old']), agent(1, ['old']), agent(2)];
    expect(judgeSignatures(OWN, segments, heard)).toMatchObject([
      { ok: true, detail: `content 0: the agent obeys orders of ${OWN}` },
      { ok: false, detail: expect.stringMatching(/^content 1: .*Add stowagesign1own to signedBy/) },
      { ok: true, remark: true, detail: expect.stringMatching(/^content 2: .*obeys every order/) },
    ]);
  });

  test('fails when the agents want signatures and the command has no key', () => {
    expect(judgeSignatures(undefined, [segment(0)], [agent(0, [OWN])])).toMatchObject([
      { ok: false, detail: expect.stringContaining('shippers.signingKeyFile is not set') },
    ]);
  });

  test('notes once that nothing is signed, and names the command that makes a key', () => {
    const heard = segments.map(({ content }) => agent(content));
    expect(judgeSignatures(undefined, segments, heard)).toMatchObject([
      {
        ok: true,
        remark: true,
        detail: expect.stringMatching(/^contents 0.*key new --signing-key/),
      },
    ]);
  });

  test('says of an agent that is not heard what its file must have, where the command signs', () => {
    const heard = [agent(0, [OWN], true)];
    expect(judgeSignatures(OWN, [segment(0)], heard)).toMatchObject([
      { remark: true, detail: expect.stringContaining('no living agent') },
    ]);
    expect(judgeSignatures(undefined, [segment(0)], heard)).toEqual([]);
  });
});
