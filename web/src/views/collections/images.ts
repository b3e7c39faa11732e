// Images that somebody drops or pastes to search by: made small, named by their bytes, kept while the tab is open.
const SIDE = 1_024;
const MAX_BYTES = 3_000_000;

export interface KeptImage {
  digest: string;
  /** The file in Base64, as the API takes it. */
  base64: string;
  /** An address of this tab, for showing. */
  url: string;
}

const kept = new Map<string, KeptImage>();

export function findImage(digest: string): KeptImage | undefined {
  return kept.get(digest);
}

export async function keepImage(file: Blob): Promise<KeptImage> {
  const small = await shrink(file);
  if (small.size > MAX_BYTES) throw new Error("too large");
  const bytes = new Uint8Array(await small.arrayBuffer());
  const digest = [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  const found = kept.get(digest);
  if (found) return found;
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  const image = { digest, base64: btoa(binary), url: URL.createObjectURL(small) };
  kept.set(digest, image);
  return image;
}

/** An image with sides of 1,024 pixels at most; one that the browser cannot read stays as it is. */
async function shrink(file: Blob): Promise<Blob> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return file;
  }
  const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
  if (scale === 1 && file.size <= MAX_BYTES) return file;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob ?? file), "image/jpeg", 0.92));
}
