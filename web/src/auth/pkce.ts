// Proof key for code exchange (RFC 7636).

/** 43 characters that nobody can guess. */
export function randomText(): string {
  return encode(crypto.getRandomValues(new Uint8Array(32)));
}

/** The challenge of a verifier: its SHA-256. */
export async function makeChallenge(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return encode(new Uint8Array(digest));
}

function encode(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
