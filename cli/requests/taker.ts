import { TOOL } from '../../backup-set/base/tool.ts';

/** Names a command that takes a request: the server finds its own commands by it. */
export const takerName = (host: string, pid: number) => `${TOOL} on ${host}, process ${pid}`;
