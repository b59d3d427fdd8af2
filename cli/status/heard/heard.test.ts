import { expect, test } from 'vitest';
import type { Heard } from '../../../functions/heard/heard.ts';
import { agentsText, agentTroubles } from './agents.ts';
import { noRunner } from './runners.ts';

const NOW = new Date('2026-11-29T12:00:00Z');
const ago = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);
const place = (content: number) => ({ content, host: `db${content}`, port: 5432 });

const agent = (name: string, minutes: number, ...contents: number[]): Heard => ({
  role: 'agent',
  name,
  tool: 'stowage 1',
  lastAt: ago(minutes),
  isOverdue: minutes > 35,
  contents: contents.map(place),
});

test('an agent that is silent is named with the contents that no other agent serves', () => {
  const agents = [agent('a', 180, 0, 1), agent('b', 3, 1)];
  expect(agentTroubles(agents, [place(0), place(1)], NOW)).toEqual([
    'agent a was last heard 3 h ago, and no other agent serves content 0 (db0:5432): look at stowage-agent on its host',
  ]);
});

test('an agent that another one has replaced needs no attention', () => {
  expect(agentTroubles([agent('old', 180, 0), agent('new', 3, 0)], [place(0)], NOW)).toEqual([]);
  expect(agentTroubles([agent('old', 180, 0), agent('new', 3, 0)], [], NOW)).toEqual([]);
});

test('contents that the configuration no longer has need no agent', () => {
  expect(agentTroubles([agent('old', 180, 7), agent('a', 3, 0)], [place(0)], NOW)).toEqual([]);
});

test('contents of which no agent was ever heard are named', () => {
  expect(agentTroubles([agent('a', 3, 0)], [place(0), place(1)], NOW)).toEqual([
    'no agent is heard that serves content 1 (db1:5432): start stowage-agent there, and compare content, host and port with its agent.yaml',
  ]);
});

test('the line of agents says how many are heard and which are overdue', () => {
  expect(agentsText([agent('a', 3, 0), agent('b', 9, 1), agent('c', 180, 2)], NOW)).toBe(
    '2 agents heard in the last 9 min; c OVERDUE, last heard 3 h ago',
  );
});

const entries = [
  {
    entry: { name: 'nightly', timeZone: 'UTC' },
    last: undefined,
    next: new Date('2026-11-30T02:00:00Z'),
  },
];
const ran = entries.map((one) => ({ ...one, last: { instant: ago(600) } }));
const seen = { now: NOW, runners: [], runner: undefined, entries };

test.each([
  [seen, /^schedule nightly: no runner has ever run it; next due 2026-11-30 02:00 UTC\. Start /],
  [{ ...seen, entries: ran }, /no runner is heard;/],
  [{ ...seen, runners: [agent('db1', 180)] }, /its runner on db1 was last heard 3 h ago;/],
  [
    { ...seen, entries: entries.map((one) => ({ ...one, next: undefined })) },
    /it runs when an order asks for it\./,
  ],
])('a schedule without a runner is named: case %#', (given, message) => {
  expect(noRunner(given)).toMatch(message);
});

test.each([
  { ...seen, entries: [] },
  { ...seen, runner: 'db1 17 abcd' },
  { ...seen, runners: [agent('db1', 3), agent('db2', 180)] },
])('a schedule with a runner, or no schedule, is not named: case %#', (given) => {
  expect(noRunner(given)).toBeUndefined();
});
