/** The part of `ERRORS` for restores that the console asked for. */
export const REQUEST_ERRORS = {
  'request/not-found': {
    exit: 4,
    hint: 'run `stowage list requests` to see what the console asked for',
  },
  'request/refused': {
    exit: 4,
    hint: 'nothing was changed; `stowage show ID` says what became of it. Ask again in the console, or run the command line that it prints, after you have read it',
  },
} as const;
