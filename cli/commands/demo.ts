import type { PlainCommand } from '../command.ts';
import { runDemo } from '../demo/run.ts';

export const demoCommand: PlainCommand = {
  usage: 'demo',
  summary:
    'demonstrate Stowage on temporary PostgreSQL servers: back up, detect a killed shipper, restore from an alternate location, compare',
  details:
    'Starts eight PostgreSQL servers in a temporary folder and removes them at the end.\nNeeds PostgreSQL 13 or newer on this machine. Exits with 1 when the restored cluster differs.',
  flags: [['--keep', 'keep the sets in the temporary folder']],
  async run({ flags, context }) {
    return (await runDemo(context, { keep: flags['keep'] === true })) ? 0 : 1;
  },
};
