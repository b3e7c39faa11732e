// Terms of the query language, as facets put them into a query and take them out again.

/** A value as the language reads it: in quotes where it has spaces or signs. */
export function quoteValue(value: string): string {
  return /^[\p{L}\p{N}_@][\p{L}\p{N}_@.-]*$/u.test(value) && !/^(AND|OR|NOT)$/.test(value)
    ? value
    : `"${value.replace(/["\\]/g, "\\$&")}"`;
}

export function termOf(field: string, value: string): string {
  return `${field}:${quoteValue(value)}`;
}

/** The top-level terms of a query, as they are written; brackets and quotes keep together. */
export function splitTerms(query: string): string[] {
  const terms: string[] = [];
  let term = "";
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < query.length; at++) {
    const character = query.charAt(at);
    if (character === "\\") {
      term += character + query.charAt(++at);
      continue;
    }
    if (character === '"') quoted = !quoted;
    if (!quoted && character === "(") depth++;
    if (!quoted && character === ")") depth--;
    if (/\s/.test(character) && !quoted && depth === 0) {
      if (term !== "") terms.push(term);
      term = "";
    } else term += character;
  }
  if (term !== "") terms.push(term);
  return terms;
}

export function hasTerm(query: string, term: string): boolean {
  return splitTerms(query).includes(term);
}

/** Put a term into a query, or take it out. A query with OR at its top is put into brackets first. */
export function toggleTerm(query: string, term: string): string {
  const terms = splitTerms(query);
  if (terms.includes(term)) return terms.filter((each) => each !== term).join(" ");
  const kept = terms.includes("OR") ? `(${terms.join(" ")})` : terms.join(" ");
  return kept === "" ? term : `${kept} ${term}`;
}

/** A suggestion put in the place that it replaces; gives the text, and where the cursor goes on. */
export function applySuggestion(
  text: string,
  suggestion: { text: string; start: number; end: number },
): { text: string; cursor: number } {
  // The API counts characters (code points), the browser counts UTF-16 units.
  const characters = Array.from(text);
  const before = characters.slice(0, suggestion.start).join("") + suggestion.text;
  return { text: before + characters.slice(suggestion.end).join(""), cursor: before.length };
}

/** A place in the browser's text as the API counts it. */
export function countCharacters(text: string, units: number): number {
  return Array.from(text.slice(0, units)).length;
}
