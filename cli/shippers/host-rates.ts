/** What the shippers of one host may send or read together, divided among those that are at work. */
export interface HostRates<Member> {
  /** Bytes per second for this one as things stand; undefined = no limit. */
  shareOf(member: Member): number | undefined;
  /** From now on these are at work, and no others. */
  begin(members: readonly Member[]): void;
  /** One has ended: its share goes to those of its host that still work. */
  end(member: Member): void;
}

/**
 * `hostOf` says where a member's shipper runs; `tell` reaches a shipper that is at work. Shares are told when they grow because
 * one has ended, and when work begins anew.
 */
export function hostRates<Member>(
  maxRateBytes: number | undefined,
  hostOf: (member: Member) => string,
  send: (member: Member, bytesPerSecond: number) => void,
): HostRates<Member> {
  let working = new Set<Member>();
  const neighbours = (host: string) => [...working].filter((member) => hostOf(member) === host);
  const shareOf = (member: Member) =>
    maxRateBytes === undefined
      ? undefined
      : Math.max(1, Math.floor(maxRateBytes / Math.max(1, neighbours(hostOf(member)).length)));
  const sendAll = (members: readonly Member[]) => {
    for (const member of members) {
      const share = shareOf(member);
      if (share !== undefined) send(member, share);
    }
  };
  return {
    shareOf,
    begin(members) {
      working = new Set(members);
      sendAll(members);
    },
    end(member) {
      if (working.delete(member)) sendAll(neighbours(hostOf(member)));
    },
  };
}
