import type { CommandDefinition } from '../command.ts';
import { backupCommand } from './backup.ts';
import { configCommand } from './config.ts';
import { copyCommand } from './copy.ts';
import { deleteCommand } from './delete.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { listCommand } from './list.ts';
import { restoreCommand } from './restore.ts';
import { serveCommand, sweepCommand } from './serve.ts';
import { showCommand } from './show.ts';
import { validateCommand, verifyCommand } from './validate.ts';

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandDefinition[] = [
  backupCommand,
  listCommand,
  showCommand,
  validateCommand,
  verifyCommand,
  restoreCommand,
  copyCommand,
  deleteCommand,
  serveCommand,
  sweepCommand,
  doctorCommand,
  configCommand,
  demoCommand,
];
