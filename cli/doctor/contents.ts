/** `content 3`, `contents 0 and 1`, `contents 0 to 9, 12`. Pure. */
export function namesOf(contents: readonly number[]): string {
  const sorted = [...new Set(contents)].sort((a, b) => a - b);
  if (sorted.length === 1) return `content ${sorted[0]}`;
  if (sorted.length === 2) return `contents ${sorted.join(' and ')}`;
  return `contents ${rangesOf(sorted).join(', ')}`;
}

function rangesOf(sorted: readonly number[]): string[] {
  const ranges: { first: number; last: number }[] = [];
  for (const content of sorted) {
    const open = ranges.at(-1);
    if (open !== undefined && content === open.last + 1) open.last = content;
    else ranges.push({ first: content, last: content });
  }
  return ranges.flatMap(({ first, last }) => {
    if (first === last) return [`${first}`];
    return last === first + 1 ? [`${first}`, `${last}`] : [`${first} to ${last}`];
  });
}
