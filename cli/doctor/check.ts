/** The result of one check. */
export interface Check {
  readonly of: string;
  readonly name: string;
  readonly ok: boolean;
  /** Shown as `note`: worth reading, but backups work. */
  readonly remark?: true;
  /** Shown as `–`: not made, because of an earlier `BAD`. `ok` is then false. */
  readonly skipped?: true;
  /** What was found and, when it is wrong, what to do. */
  readonly detail: string;
}
