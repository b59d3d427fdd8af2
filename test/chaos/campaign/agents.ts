import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningAgent, startAgent } from '../../support/e2e/agents.ts';
import { type Lane, temporaryFolder } from './lane.ts';

/** Resident agents that are started again when they end, as systemd does. */
export interface Agents {
  readonly running: readonly RunningAgent[];
  /** False when an agent did not end in time. Safe to call twice. */
  stop(): Promise<boolean>;
}

export const NO_AGENTS: Agents = { running: [], stop: () => Promise.resolve(true) };

const RESTART_MS = 500;
const STOP_MS_MAX = 25_000;

/** One agent per content. */
export async function startAgents(lane: Lane, root: string, stallSeconds: number): Promise<Agents> {
  const running: RunningAgent[] = [];
  let stopping = false;
  const place = {
    ...lane.viaProxy,
    env: { ...lane.viaProxy.env, TMPDIR: temporaryFolder(lane), STOWAGE_LOG: 'info' },
  };
  const keep = async (content: number): Promise<void> => {
    const server = lane.proxied[content];
    if (server === undefined) return;
    for (; !stopping; await sleep(RESTART_MS)) {
      const name = `${root.split('/').at(-1)}-${content}`;
      const serves = new Map([[content, server]]);
      const agent = await startAgent({ place, root, name, serves, more: { stallSeconds } });
      running.push(agent);
      await agent.ended;
      running.splice(running.indexOf(agent), 1);
    }
  };
  const kept = [...lane.proxied.keys()].map(keep);
  while (running.length < lane.proxied.length) await sleep(20);
  return {
    running,
    async stop() {
      stopping = true;
      for (const agent of running) agent.kill('SIGTERM');
      const ended = Promise.all(kept).then(() => true);
      if (await Promise.race([ended, sleep(STOP_MS_MAX, false)])) return true;
      for (const agent of running) agent.kill('SIGKILL');
      return false;
    },
  };
}
