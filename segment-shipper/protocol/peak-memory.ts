import { readFileSync } from 'node:fs';

/**
 * The most memory that this process has had, in bytes. Of Linux's two figures VmHWM begins with the
 * program: ru_maxrss, which Node gives, also counts the process that started it (proc(5),
 * getrusage(2)). Elsewhere there is only the second.
 */
export function peakMemoryBytes(): number {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // No Linux.
  }
  return process.resourceUsage().maxRSS * 1024;
}
