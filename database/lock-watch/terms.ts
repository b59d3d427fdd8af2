/** The watch ends a wait before the server does: only it can name the sessions in the way. */
export const SERVER_LATER_MS = 10_000;

/** What an operator can do after a backup has waited too long behind its own locks. */
export const BACKUP_ADVICE =
  'The backup ended, so that the sessions behind its own locks can go on. Back up again when that session has ended, or set a lock_timeout in it';
