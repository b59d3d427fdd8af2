import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hostRates } from './host-rates.ts';

const memberOn = (content: number, host: string) => ({ content, host });
type Member = ReturnType<typeof memberOn>;

/** Records the share that each shipper received last. */
function recordRates(maxRateBytes: number | undefined) {
  const rates = new Map<Member, number>();
  const shared = hostRates<Member>(
    maxRateBytes,
    ({ host }) => host,
    (member, bytesPerSecond) => rates.set(member, bytesPerSecond),
  );
  return { shared, rates };
}

test('a host’s rate is divided among its shippers, and divided again when one of them ends', () => {
  const { shared, rates } = recordRates(900);
  const [a, b, c, d] = [
    memberOn(0, 'x'),
    memberOn(1, 'x'),
    memberOn(2, 'x'),
    memberOn(3, 'y'),
  ] as const;
  shared.begin([a, b, c, d]);
  expect([a, b, c, d].map((member) => rates.get(member))).toEqual([300, 300, 300, 900]);
  rates.clear();
  shared.end(b);
  expect([...rates]).toEqual([
    [a, 450],
    [c, 450],
  ]);
  shared.end(b);
  shared.end(a);
  expect(rates.get(c)).toBe(900);
  shared.begin([a, d]);
  expect(shared.shareOf(a)).toBe(900);
});

test('without a limit no share is sent', () => {
  const { shared, rates } = recordRates(undefined);
  const member = memberOn(0, 'x');
  shared.begin([member]);
  shared.end(member);
  expect(shared.shareOf(member)).toBeUndefined();
  expect(rates.size).toBe(0);
});

test('the shares of a host never add up to more than its limit, in whatever order shippers end', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1000, max: 1e9 }),
      fc.array(fc.constantFrom('x', 'y', 'z'), { minLength: 1, maxLength: 12 }),
      fc.array(fc.nat({ max: 11 }), { maxLength: 20 }),
      (maxRateBytes, hosts, endings) => {
        const { shared, rates } = recordRates(maxRateBytes);
        const members = hosts.map((host, content) => memberOn(content, host));
        const working = new Set(members);
        shared.begin(members);
        for (const index of [-1, ...endings]) {
          const member = members[index];
          if (member !== undefined) {
            shared.end(member);
            working.delete(member);
          }
          for (const host of new Set([...working].map((one) => one.host))) {
            const shares = [...working]
              .filter((one) => one.host === host)
              .map((one) => rates.get(one) ?? 0);
            const sum = shares.reduce((a, b) => a + b, 0);
            expect(sum).toBeLessThanOrEqual(maxRateBytes);
            expect(sum).toBeGreaterThan(maxRateBytes - shares.length);
          }
        }
      },
    ),
  );
});
