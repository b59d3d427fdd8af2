import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Scenario } from '../scenario.ts';

/** A bench beside this one that can be run alone: what it prints becomes part of the report. */
interface Script {
  readonly name: string;
  readonly about: string;
  /** In test/bench. */
  readonly file: string;
  readonly gigabytes: number;
  readonly rounds: number;
  argsFor(size: { gigabytes: number; rounds: number }): readonly string[];
}

const SCRIPTS: readonly Script[] = [
  {
    name: 'receive',
    about: 'receiving alone, beside psql',
    file: 'receive.ts',
    gigabytes: 0.5,
    rounds: 3,
    argsFor: ({ gigabytes, rounds }) => ['--gb', String(gigabytes), '--rounds', String(rounds)],
  },
  {
    name: 'uncompressed',
    about: 'a shipper without its compression, beside psql into rclone and aws-cli',
    file: 'uncompressed.ts',
    gigabytes: 1,
    rounds: 3,
    argsFor: ({ gigabytes, rounds }) => ['--gb', String(gigabytes), '--rounds', String(rounds)],
  },
  {
    name: 'restore-client',
    about: 'a restoring shipper alone, beside curl | zstd -dc | psql',
    file: 'restore.ts',
    gigabytes: 0.5,
    rounds: 2,
    argsFor: ({ gigabytes, rounds }) => [
      ...['--megabytes', String(gigabytes * 1000), '--rounds', String(rounds)],
      ...['--entry', fileURLToPath(new URL('../../../dist/segment-shipper.js', import.meta.url))],
    ],
  },
  {
    name: 'start',
    about: 'what a process costs that ships 1 KB',
    file: 'start.ts',
    gigabytes: 0,
    rounds: 15,
    argsFor: ({ rounds }) => ['--rounds', String(rounds)],
  },
];

/** Those whose file is there. */
export async function scriptScenarios(): Promise<Scenario[]> {
  const found: Scenario[] = [];
  for (const script of SCRIPTS) {
    const path = fileURLToPath(new URL(`../parts/${script.file}`, import.meta.url));
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) found.push(scenarioOf(script, path));
  }
  return found;
}

function scenarioOf(script: Script, path: string): Scenario {
  const { name, about, gigabytes, rounds } = script;
  return {
    name,
    about,
    gigabytes,
    rounds,
    async run(_bench, size) {
      const text = await outputOf([path, ...script.argsFor(size)]);
      const title = `${about} (\`node test/bench/${script.file}\`)`;
      return { name, title, bytes: 0, floor: '', rows: [], bars: [], notes: [], text };
    },
  };
}

/** What it says meanwhile goes to our own standard error. */
async function outputOf(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) text += String(chunk);
  const [code] = (await closed) as [number | null];
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${String(code)}`);
  return text.trimEnd();
}
