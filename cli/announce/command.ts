import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { ClusterCommand } from '../command.ts';
import { printable } from '../output/format.ts';
import { table } from '../output/table/table.ts';
import { testChannels } from './test-channels.ts';

const COLUMNS = [
  '',
  'channel',
  { title: 'target', min: 20, cut: 'middle' },
  'time',
  { title: 'answer', min: 30, cut: 'fold' },
] as const;

export const announceCommand: ClusterCommand = {
  usage: 'announce <what>',
  summary: 'announce test: send a test message through every channel of announce.channels',
  details: `Prints what each channel answered. Reads and writes nothing in the store.
Exit codes: 0 all channels have accepted the message, 2 no such channel, 4 a channel has not.
Example: stowage announce test --channel ops`,
  flags: [['--channel <name>', 'only this channel (repeatable)']],
  lists: ['--channel <name>'],
  words: { what: ['test'] },
  cluster: () => ({}),
  async run({ flags, positional: [what], context }) {
    if (what !== 'test')
      throw new StowageError(
        'usage/flag',
        `stowage announce: ${printable(what ?? '')} is not known; there is: stowage announce test`,
      );
    const names = (flags['channel'] as readonly string[] | undefined) ?? [];
    const results = await testChannels(context, names);
    const failed = results.filter(({ ok }) => !ok);
    const rows = results.map(({ ok, channel, target, answer, ms }) => [
      ...[ok ? 'ok' : 'BAD', channel, target, `${ms} ms`],
      answer,
    ]);
    const end =
      failed.length === 0
        ? `${plural(results.length, 'channel')} accepted the test message`
        : `${failed.length} of ${plural(results.length, 'channel')} did not accept the test message`;
    context.output.result(
      { channels: results },
      `${table(COLUMNS, rows, context.output.screen)}\n\n${end}`,
    );
    return failed.length === 0 ? 0 : 4;
  },
};
