import { describe, expect, test } from 'vitest';
import { judgeAgents, judgeRecipients, type LastOrder } from './agents.ts';

const HOUR_MS = 3_600_000;
const SET = '20260102030405';
const claimed = (content: number, agent: string, agoMs = HOUR_MS): LastOrder => ({
  content,
  timestamp: SET,
  claim: { agent, agoMs },
});

describe('the checks of agents', () => {
  test('fail for contents whose agents have no recipient in the configuration', () => {
    const segments = [0, 1, 2].map((content) => ({ content, host: `db${content}` }));
    expect(judgeRecipients({ agents: { '0': 'age1', db2: 'age1' } }, segments)).toMatchObject([
      { ok: false, detail: expect.stringContaining('no recipient for content 1:') },
    ]);
    expect(judgeRecipients({ agents: { '0': 'age1', '1': 'a', db2: 'age1' } }, segments)).toEqual([
      expect.objectContaining({ ok: true }),
    ]);
  });

  test('name the agents that answered, with their contents, and how long ago', () => {
    const orders = [claimed(0, 'db0'), claimed(1, 'db0', HOUR_MS + 5), claimed(2, 'db2')];
    expect(judgeAgents([0, 1, 2], orders)).toMatchObject([
      { ok: true, detail: `contents 0 and 1: agent db0 answered 1h ago (set ${SET})` },
      { ok: true, detail: `content 2: agent db2 answered 1h ago (set ${SET})` },
    ]);
  });

  test('fail for contents whose last order no agent took, and name the agent before', () => {
    const before = { agent: 'db1', agoMs: 48 * HOUR_MS };
    const orders = [
      claimed(0, 'db0'),
      { content: 1, timestamp: SET, before },
      { content: 2, timestamp: SET },
    ];
    expect(judgeAgents([0, 1, 2], orders).filter(({ ok }) => !ok)).toMatchObject([
      { detail: expect.stringMatching(/^content 1: no agent took .* db1 answered last, 2d ago/) },
      { detail: expect.stringMatching(/^content 2: no agent took .* no agent answered in the/) },
    ]);
  });

  test('note a root without a backup by agents, and contents without an order', () => {
    expect(judgeAgents([0], [])).toMatchObject([{ ok: true, remark: true }]);
    expect(judgeAgents([0, 1], [claimed(0, 'db0')])[1]).toMatchObject({
      remark: true,
      detail: 'content 1: the newest sets have no order for an agent',
    });
  });

  test('leave out contents that the cluster does not have', () => {
    expect(judgeAgents([0], [claimed(0, 'db0'), { content: 9, timestamp: SET }])).toHaveLength(1);
  });
});
