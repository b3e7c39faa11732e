// Sends files straight to the bucket: announced first, then by links that allow just what was announced. What was sent
// before a tab was closed is not sent again: the same files take up the open batch.
import { api, unwrap, type Schemas } from "../../api/client";

export interface Picked {
  name: string;
  file: File;
}

export interface Progress {
  phase: "preparing" | "sending" | "completing" | "done";
  files: number;
  doneFiles: number;
  bytes: number;
  doneBytes: number;
  /** What is being sent now: bytes by the file's name. */
  current: ReadonlyMap<string, { done: number; total: number }>;
}

type Links = Schemas["FileLinks"];

const ANNOUNCED = 1_000;
const LINKED = 40;
const PARALLEL = 4;
const TRIES = 4;

/** A name for what is uploaded: the same files again have the same one. */
export async function digestOf(files: readonly { name: string; file: { size: number; lastModified: number } }[]): Promise<string> {
  const lines = files.map((each) => `${each.name}\n${each.file.size}\n${each.file.lastModified}`).toSorted();
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(lines.join("\n")));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function chunk<Value>(values: readonly Value[], size: number): Value[][] {
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) =>
    values.slice(index * size, (index + 1) * size),
  );
}

/** Upload files into a collection; returns the batch, which is looked at from then on. */
export async function upload(
  collection: string,
  picked: readonly Picked[],
  report: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<Schemas["ServedBatch"]> {
  const path = { collection_id: collection };
  const bytes = picked.reduce((sum, each) => sum + each.file.size, 0);
  const state = { files: picked.length, doneFiles: 0, bytes, doneBytes: 0, current: new Map<string, { done: number; total: number }>() };
  const tell = (phase: Progress["phase"]) => report({ ...state, phase, current: new Map(state.current) });
  tell("preparing");
  const batch = await unwrap(
    api.POST("/v1/collections/{collection_id}/batches", {
      params: { path },
      body: { digest: await digestOf(picked), models: [] },
      signal,
    }),
  );
  const there = { ...path, batch: batch.id };
  const announced = await announce(there, batch.files, picked, signal);
  const byName = new Map(picked.map((each) => [each.name, each.file]));
  const waiting: Schemas["ServedFile"][] = [];
  for (const file of announced) {
    if (file.arrived === true) {
      state.doneFiles++;
      state.doneBytes += file.size_bytes;
    } else waiting.push(file);
  }
  tell("sending");
  for (const some of chunk(waiting, LINKED)) {
    const { links } = await unwrap(
      api.POST("/v1/collections/{collection_id}/batches/{batch}/links", {
        params: { path: there },
        body: { numbers: some.map((file) => file.number) },
        signal,
      }),
    );
    const named = new Map(some.map((file) => [file.number, file.name]));
    const queue = [...links];
    const worker = async () => {
      for (let link = queue.shift(); link; link = queue.shift()) {
        const name = named.get(link.number) ?? "";
        const file = byName.get(name);
        if (!file) continue;
        const before = state.doneBytes;
        let counted = 0;
        await sendFile(link, file, signal, (done) => {
          state.doneBytes += done - counted;
          counted = done;
          state.current.set(name, { done, total: file.size });
          tell("sending");
        });
        state.doneBytes += file.size - counted;
        if (state.doneBytes < before) state.doneBytes = before;
        state.doneFiles++;
        state.current.delete(name);
        tell("sending");
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
  }
  tell("completing");
  const completed = await unwrap(
    api.POST("/v1/collections/{collection_id}/batches/{batch}/complete", { params: { path: there }, signal }),
  );
  tell("done");
  return completed;
}

/** The batch's files: those of before with what has arrived, or all of them anew. */
async function announce(
  path: { collection_id: string; batch: string },
  known: number,
  picked: readonly Picked[],
  signal: AbortSignal,
): Promise<Schemas["ServedFile"][]> {
  const files: Schemas["ServedFile"][] = [];
  if (known > 0) {
    for (let after: number | null = 0; after !== null; ) {
      const page: Schemas["FileList"] = await unwrap(
        api.GET("/v1/collections/{collection_id}/batches/{batch}/files", {
          params: { path, query: { after, limit: ANNOUNCED } },
          signal,
        }),
      );
      files.push(...page.files);
      after = page.next_cursor ?? null;
    }
  }
  const have = new Set(files.map((file) => file.name));
  const missing = picked.filter((each) => !have.has(each.name));
  for (const some of chunk(missing, ANNOUNCED)) {
    const made = await unwrap(
      api.POST("/v1/collections/{collection_id}/batches/{batch}/files", {
        params: { path },
        body: { files: some.map((each) => ({ name: each.name, size_bytes: each.file.size })) },
        signal,
      }),
    );
    files.push(...made.files);
  }
  return files;
}

async function sendFile(link: Links, file: File, signal: AbortSignal, report: (done: number) => void): Promise<void> {
  if (link.form) {
    const form = new FormData();
    for (const [name, value] of Object.entries(link.form.fields)) form.append(name, value);
    form.append("file", file);
    await send("POST", link.form.url, form, signal, (done) => report(Math.min(done, file.size)));
    return;
  }
  const missing = link.parts.reduce((sum, part) => sum + part.size_bytes, 0);
  let sent = file.size - missing;
  for (const part of link.parts) {
    const body = file.slice(part.start, part.start + part.size_bytes);
    await send("PUT", part.url, body, signal, (done) => report(sent + Math.min(done, part.size_bytes)));
    sent += part.size_bytes;
  }
}

/** Send a body, again where the connection fails; only this tells how far it is. */
async function send(
  method: string,
  url: string,
  body: FormData | Blob,
  signal: AbortSignal,
  report: (done: number) => void,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const status = await sendOnce(method, url, body, signal, report);
    if (status >= 200 && status < 300) return;
    const lasting = status >= 400 && status < 500 && status !== 408 && status !== 429;
    if (lasting || attempt === TRIES) throw new Error(`The bucket refuses the file: HTTP ${status}`);
    await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt));
  }
}

function sendOnce(
  method: string,
  url: string,
  body: FormData | Blob,
  signal: AbortSignal,
  report: (done: number) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new DOMException("Aborted", "AbortError"));
      return;
    }
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    signal.addEventListener("abort", abort, { once: true });
    request.open(method, url);
    request.upload.onprogress = (event) => report(event.loaded);
    request.onloadend = () => signal.removeEventListener("abort", abort);
    request.onload = () => resolve(request.status);
    request.onerror = () => resolve(0);
    request.onabort = () => reject(new DOMException("Aborted", "AbortError"));
    request.send(body);
  });
}

/** The files of a drop, with those inside folders; names have the folder's path. */
export async function filesOfDrop(data: DataTransfer): Promise<Picked[]> {
  const entries = [...data.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  if (entries.length === 0) return [...data.files].map((file) => ({ name: file.name, file }));
  const found: Picked[] = [];
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

async function walk(entry: FileSystemEntry, folder: string, found: Picked[]): Promise<void> {
  if (entry.name.startsWith(".")) return;
  const name = `${folder}${entry.name}`;
  if (entry.isFile) {
    found.push({ name, file: await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)) });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const each of some) await walk(each, `${name}/`, found);
  }
}
