/** A CRC-32 as documents write it: 8 lower-case hexadecimal digits. */
export function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
