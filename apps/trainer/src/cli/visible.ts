/** Control characters other than line breaks and tabs, and those that turn the direction of text. */
const hidden = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu;

/**
 * Text as it goes to a terminal. Names of tables, tensors and paths come from files of others: what a terminal would obey is
 * written out, as `\x1b`.
 */
export const visible = (text: string): string =>
  text.replace(hidden, (character) => {
    const code = character.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
  });
