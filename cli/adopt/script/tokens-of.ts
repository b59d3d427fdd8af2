import { NotSql, type SqlToken, sqlTokens } from '../../../database/rename/lexer.ts';

/** The tokens of a definition; none of text that is not SQL as PostgreSQL reads it. */
export function tokensOf(text: string): SqlToken[] {
  try {
    return [...sqlTokens(text)];
  } catch (error) {
    if (error instanceof NotSql) return [];
    throw error;
  }
}
