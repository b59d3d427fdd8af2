import { readFile, stat } from 'node:fs/promises';
import { messageOf } from '../../../backup-set/base/errors.ts';
import type { Flags } from '../../command.ts';
import type { Config } from '../../config/schema.ts';
import { wrongFlag } from '../adopt-set.ts';
import { type Distribution, distributionBy, RULES } from './distribution.ts';
import { parsePolicies } from './policy-file.ts';

const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** Undefined: the sets of the root are of PostgreSQL servers. @throws StowageError `usage/flag` */
export async function distributionFrom(
  { flavour }: Config,
  { distributedBy, distributedByRule }: Flags,
): Promise<Distribution | undefined> {
  if (flavour !== 'greenplum') {
    if (distributedBy !== undefined || distributedByRule !== undefined)
      throw wrongFlag(
        'distributed-by',
        `--distributed-by is for Greenplum, and the flavour of the configuration is ${flavour}`,
      );
    return undefined;
  }
  const name = distributedByRule ?? 'primary-key';
  const rule = RULES.find((one) => one === name);
  if (rule === undefined)
    throw wrongFlag('distributed-by-rule', `--distributed-by-rule is one of ${RULES.join(', ')}`);
  const file = typeof distributedBy === 'string' ? distributedBy : undefined;
  return distributionBy(file === undefined ? [] : parsePolicies(await read(file), file), rule);
}

async function read(file: string): Promise<string> {
  try {
    if ((await stat(file)).size <= FILE_BYTES_MAX) return await readFile(file, 'utf8');
  } catch (error) {
    throw wrongFlag('distributed-by', `${file} cannot be read: ${messageOf(error)}`);
  }
  throw wrongFlag('distributed-by', `${file} is too long`);
}
