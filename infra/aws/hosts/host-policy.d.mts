/** The IAM policy of a host that creates only objects of its own contents. */
export function hostPolicy(options: {
  readonly bucket: string;
  /** The prefix of the root in the bucket: empty, or ending in a slash. */
  readonly prefix: string;
  /** `Shipper`, `RestoreShipper` or `Agent`. */
  readonly role: string;
  readonly contents: readonly number[];
  readonly kmsKey?: string;
  /** `aws`, `aws-cn`, …; absent = `aws`. */
  readonly partition?: string;
}): {
  readonly Statement: readonly {
    readonly Sid: string;
    readonly Action: string | readonly string[];
    readonly Resource: string | readonly string[];
  }[];
};
