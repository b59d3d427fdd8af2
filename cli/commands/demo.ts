import type { PlainCommand } from '../command.ts';
import { runDemo } from '../demo/run.ts';

export const demoCommand: PlainCommand = {
  usage: 'demo',
  summary:
    'the whole job on throw-away servers: back up, catch a loss, restore from an alternate location, compare',
  details:
    'Starts eight PostgreSQL servers in a temporary folder and removes everything again. Needs PostgreSQL 13 or newer installed.',
  flags: [['--keep', 'leave the sets in the temporary folder to look at']],
  async run({ flags, context }) {
    return (await runDemo(context, { keep: flags['keep'] === true })) ? 0 : 1;
  },
};
