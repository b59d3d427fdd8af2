/** The user of the services. No login. May run again. */
export const CREATE_USER = `getent group stowage >/dev/null || groupadd --system stowage
getent passwd stowage >/dev/null || useradd --system --gid stowage --no-create-home \\
  --home-dir /var/lib/stowage --shell /usr/sbin/nologin --comment Stowage stowage
`;

/** Starts nothing: the operator enables a unit when its configuration is written. */
export const AFTER_INSTALL = `install -d -m 0750 -o stowage -g stowage /var/lib/stowage
if [ -d /run/systemd/system ]; then systemctl daemon-reload || true; fi
`;

/** Before the files go: a running service would lose them. */
export const BEFORE_REMOVAL = `if [ -d /run/systemd/system ]; then
  systemctl disable --now stowage-serve.socket stowage-serve.service stowage-agent.service || true
fi
`;

export const DESCRIPTION = {
  summary: 'offsite backup for segmented PostgreSQL',
  text: `Stowage backs up databases that are spread over many PostgreSQL or Greenplum
servers: a shipper beside each segment streams a parallel dump to S3-compatible
storage or to a directory. A set is complete only when plan, receipts and the
counts of the servers agree. It has its own Node; the system's is not used.`,
} as const;

export const MAINTAINER = 'The authors of Stowage <stowage@localhost>';
