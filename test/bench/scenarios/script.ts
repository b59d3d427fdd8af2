import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describeExit, exitOf } from '../../../async/child-process.ts';
import type { Scenario } from '../scenario.ts';

/** A bench that can also be run alone. Its output becomes part of the report. */
interface Script {
  readonly name: string;
  readonly about: string;
  /** The path below test/bench. */
  readonly file: string;
  readonly gigabytes: number;
  readonly rounds: number;
  argsFor(size: { gigabytes: number; rounds: number }): readonly string[];
}

const SCRIPTS: readonly Script[] = [
  {
    name: 'receive',
    about: 'receiving a table, compared with psql',
    file: 'parts/receive.ts',
    gigabytes: 0.5,
    rounds: 3,
    argsFor: ({ gigabytes, rounds }) => ['--gb', String(gigabytes), '--rounds', String(rounds)],
  },
  {
    name: 'uncompressed',
    about: 'a shipper without compression, compared with psql piped into rclone and aws-cli',
    file: 'parts/uncompressed.ts',
    gigabytes: 1,
    rounds: 3,
    argsFor: ({ gigabytes, rounds }) => ['--gb', String(gigabytes), '--rounds', String(rounds)],
  },
  {
    name: 'restore-client',
    about: 'a restoring shipper, compared with curl | zstd -dc | psql',
    file: 'parts/restore.ts',
    gigabytes: 0.5,
    rounds: 2,
    argsFor: ({ gigabytes, rounds }) => [
      ...['--megabytes', String(gigabytes * 1000), '--rounds', String(rounds)],
      ...['--entry', fileURLToPath(new URL('../../../dist/segment-shipper.js', import.meta.url))],
    ],
  },
  {
    name: 'start',
    about: 'the CPU cost of a process that ships 1 KB',
    file: 'parts/start.ts',
    gigabytes: 0,
    rounds: 15,
    argsFor: ({ rounds }) => ['--rounds', String(rounds)],
  },
];

export const scriptScenarios = (): Scenario[] => SCRIPTS.map(scenarioOf);

function scenarioOf(script: Script): Scenario {
  const { name, about, gigabytes, rounds } = script;
  return {
    name,
    about,
    gigabytes,
    rounds,
    async run(_bench, size) {
      const path = fileURLToPath(new URL(`../${script.file}`, import.meta.url));
      const output = await outputOf([path, ...script.argsFor(size)]);
      const title = `${about} (\`node test/bench/${script.file}\`)`;
      return { name, title, bytes: 0, floor: '', rows: [], bars: [], notes: [], text: output };
    },
  };
}

/** Runs a script and returns its standard output. Its standard error is passed on. */
async function outputOf(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = exitOf(child);
  const output = await text(child.stdout);
  const exit = await closed;
  if (exit.code !== 0) throw new Error(`node ${args.join(' ')} ended with ${describeExit(exit)}`);
  return output.trimEnd();
}
