/** Divides the rate limit of each host among the shippers that work on it. */
export interface HostRates<Member> {
  /** The member's current share in bytes per second; undefined = no limit. */
  shareOf(member: Member): number | undefined;
  /** Sets the members that work from now on; all others no longer count. */
  begin(members: readonly Member[]): void;
  /** A member has ended: its share goes to the working members on the same host. */
  end(member: Member): void;
}

/**
 * `hostOf` names the host of a member's shipper; `send` sends a share to a working shipper. Shares
 * are sent when work begins and when they grow because a member has ended.
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
