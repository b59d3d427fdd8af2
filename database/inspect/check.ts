import { messageOf } from '../../backup-set/base/errors.ts';

/** One check that `stowage doctor` made on a server. */
export interface ServerCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Shown as a note: it is worth reading, and a backup works all the same. */
  readonly remark?: true;
  readonly detail: string;
}

/** A check, and the part of the cluster it was made on. */
export interface PlacedCheck extends ServerCheck {
  /** `cluster`, `programs` or e.g. `content 3` */
  readonly of: string;
}

export function placed(of: string, checks: readonly ServerCheck[]): PlacedCheck[] {
  return checks.map((check) => ({ of, ...check }));
}

/** Runs one check. An error becomes a check that failed, so that the other checks still run. */
export async function attempt(
  name: string,
  check: () => Promise<ServerCheck>,
): Promise<ServerCheck> {
  try {
    return await check();
  } catch (error) {
    return { name, ok: false, detail: messageOf(error) };
  }
}
