import { describe, expect, it } from 'vitest';
import { serverClock } from './server-clock.ts';

const HEADER = 'Sun, 01 Mar 2026 12:00:00 GMT';
const NOON = Date.parse(HEADER);
const header = (ms: number) => new Date(NOON + ms).toUTCString();

function clockAt(start: number) {
  const elapsed = { ms: start };
  const clock = serverClock(() => elapsed.ms);
  return { elapsed, clock, now: () => (clock.now()?.getTime() ?? Number.NaN) - NOON };
}

describe('the clock of a server', () => {
  it('is unknown before a response, without a header, and a minute after the last one', () => {
    const { elapsed, clock } = clockAt(5);
    clock.sample(undefined);
    clock.sample('not a date');
    expect(clock.now()).toBeUndefined();
    clock.sample(HEADER);
    elapsed.ms += 60_001;
    expect(clock.now()).toBeUndefined();
  });

  it('goes on between responses, whatever the clock of this host says', () => {
    const { elapsed, clock, now } = clockAt(7_000);
    clock.sample(HEADER);
    elapsed.ms += 30_000;
    expect(now()).toBe(30_000);
  });

  it('does not go back when a header is early because it has whole seconds', () => {
    const { elapsed, clock, now } = clockAt(0);
    clock.sample(header(0));
    elapsed.ms += 950;
    clock.sample(header(0));
    expect(now()).toBe(950);
    elapsed.ms += 100;
    clock.sample(header(1_000));
    expect(now()).toBe(1_050);
  });

  it('follows a server whose clock was set back or forward', () => {
    const { elapsed, clock, now } = clockAt(0);
    clock.sample(header(7200_000));
    elapsed.ms += 1_000;
    clock.sample(header(1_000));
    expect(now()).toBe(1_000);
    clock.sample(header(600_000));
    expect(now()).toBe(600_000);
  });
});
