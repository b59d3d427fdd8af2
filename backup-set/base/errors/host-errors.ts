/** The part of `ERRORS` for `stowage hosts`. */
export const HOST_ERRORS = {
  'hosts/bundle': {
    exit: 2,
    hint: 'install Stowage from its package, or name the archive for the hosts with --bundle stowage-VERSION-linux-ARCH.tar.gz',
  },
  'hosts/unreachable': {
    exit: 4,
    hint: 'the host was not changed; run the ssh command of shippers.command by hand until it needs no password and no answer',
  },
  'hosts/unfit': {
    exit: 4,
    hint: 'the host was not changed; back up its segment from another host (docs/install.md#old-hosts)',
  },
  'hosts/install': {
    exit: 4,
    hint: 'the host has what it had before; correct the named cause there, and run `stowage hosts install` again',
  },
} as const;
