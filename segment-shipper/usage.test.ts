import { describe, expect, test } from 'vitest';
import { parseCommand, usageLine, usageText } from './usage.ts';

describe('the arguments of stowage-segment-shipper', () => {
  test.each([
    [[], { kind: 'shipper' }],
    [['agent'], { kind: 'agent', config: 'agent.yaml' }],
    [['agent', '--config', '/etc/a.yaml'], { kind: 'agent', config: '/etc/a.yaml' }],
    [['--help'], { kind: 'help' }],
    [['-h'], { kind: 'help' }],
    [['agent', '--help'], { kind: 'help' }],
  ])('%j are accepted', (args, command) => {
    expect(parseCommand(args)).toEqual(command);
  });

  test.each([
    [['--nonsense'], "unknown option '--nonsense'"],
    [['agent', '--nonsense'], "unknown option '--nonsense'"],
    [['agnet'], 'unknown command "agnet"'],
    [['agent', 'twice'], 'unexpected argument "twice"'],
    [['agent', '--config'], "option '--config <value>' argument missing"],
    [['--config', 'a.yaml'], '--config is an option of the command agent'],
  ])('%j are rejected in one line', (args, message) => {
    expect(parseCommand(args)).toEqual({ kind: 'wrong', message });
    expect(usageLine(message)).toMatch(/^stowage-segment-shipper: [^\n]+\n$/);
  });
});

test('lines of a file keep their order, and their control characters are not printed', () => {
  expect(usageText(['a.yaml:1:1: wrong', '  1 | \u001b[2Jx'])).toBe(
    'stowage-segment-shipper: a.yaml:1:1: wrong\n  1 | ?[2Jx\n',
  );
});
