/**
 * Calls share the look that goes on, and its answer for this time after its end. Two looks at once
 * would count the same receipts twice.
 */
export function lookedAtOnce<Answer>(
  look: () => Promise<Answer>,
  ms: number,
): () => Promise<Answer> {
  let answer: Promise<Answer> | undefined;
  let endedAt: number | undefined;
  return () => {
    if (answer !== undefined && (endedAt === undefined || performance.now() - endedAt < ms))
      return answer;
    endedAt = undefined;
    answer = look().finally(() => {
      endedAt = performance.now();
    });
    return answer;
  };
}
