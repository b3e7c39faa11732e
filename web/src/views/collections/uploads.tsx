// Putting files into a collection, and what became of each.
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { uploadsRoute } from "../../router";
import { Icon } from "../../ui/icons";
import { Empty, ErrorNote, More, PageHead, Skeleton, StatusBadge } from "../../ui/parts";
import { useToasts } from "../../ui/toasts";
import { Private } from "../problems";
import { shareOf } from "../runs/advice";
import { filesOfDrop, upload, type Picked, type Progress } from "./upload";

type Batch = Schemas["ServedBatch"];
const STATUS: Record<Exclude<Batch["state"], "open">, string> = {
  running: "RUNNING",
  done: "SUCCEEDED",
  failed: "FAILED",
  aborted: "FAILED",
};
const LIVE_MS = 1_500;
/** Not in React's types, but in every browser. */
const WHOLE_FOLDER = { webkitdirectory: "" };

export function Uploads() {
  const { t } = useTexts();
  const { id } = uploadsRoute.useParams();
  return (
    <>
      <p className="crumbs">
        <Link to="/collections/$id" params={{ id }}>
          {id}
        </Link>
      </p>
      <PageHead title={t("uploads.title")} hint={t("uploads.hint")} />
      <Private>
        <Sender collection={id} />
        <Batches collection={id} />
      </Private>
    </>
  );
}

function Sender({ collection }: { collection: string }) {
  const { t } = useTexts();
  const toasts = useToasts();
  const queries = useQueryClient();
  const [over, setOver] = useState(false);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [error, setError] = useState<unknown>(null);
  const stop = useRef<AbortController | null>(null);
  const picker = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  useEffect(() => {
    // A tab that is closed by mistake: what was sent is kept, but the rest stays here.
    const warn = (event: BeforeUnloadEvent) => {
      if (stop.current) event.preventDefault();
    };
    window.addEventListener("beforeunload", warn);
    return () => {
      window.removeEventListener("beforeunload", warn);
      stop.current?.abort();
    };
  }, []);
  const send = async (picked: readonly Picked[]) => {
    if (picked.length === 0 || stop.current) return;
    const controller = new AbortController();
    stop.current = controller;
    setError(null);
    try {
      await upload(collection, picked, setProgress, controller.signal);
      toasts.say(t("uploads.sent", { count: picked.length }));
    } catch (thrown) {
      if (!controller.signal.aborted) setError(thrown);
    } finally {
      stop.current = null;
      setProgress(null);
      await queries.invalidateQueries({ queryKey: ["batches", collection] });
    }
  };
  return (
    <>
      <div
        className={over ? "drop drop-over" : "drop"}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          void filesOfDrop(event.dataTransfer).then(send);
        }}
      >
        <Icon name="publish" />
        <p>
          <strong>{t("uploads.drop")}</strong>
        </p>
        <p className="muted small">{t("uploads.what")}</p>
        <input
          ref={picker}
          type="file"
          multiple
          className="hidden"
          tabIndex={-1}
          aria-label={t("uploads.choose")}
          onChange={(event) => {
            const files = [...(event.target.files ?? [])].map((file) => ({ name: file.name, file }));
            event.target.value = "";
            void send(files);
          }}
        />
        <input
          ref={folder}
          type="file"
          {...WHOLE_FOLDER}
          className="hidden"
          tabIndex={-1}
          aria-label={t("uploads.folder")}
          onChange={(event) => {
            const files = [...(event.target.files ?? [])].map((file) => ({ name: file.webkitRelativePath, file }));
            event.target.value = "";
            void send(files.filter((each) => !each.file.name.startsWith(".")));
          }}
        />
        <p className="drop-buttons">
          <button className="button button-main" disabled={progress !== null} onClick={() => picker.current?.click()}>
            {t("uploads.choose")}
          </button>
          <button className="button" disabled={progress !== null} onClick={() => folder.current?.click()}>
            {t("uploads.folder")}
          </button>
        </p>
      </div>
      {progress && <Sending progress={progress} onStop={() => stop.current?.abort()} />}
      {error !== null && <ErrorNote error={error} />}
    </>
  );
}

function Sending({ progress, onStop }: { progress: Progress; onStop: () => void }) {
  const { t, number, percent } = useTexts();
  const share = shareOf(progress.doneBytes, progress.bytes);
  return (
    <section className="card" aria-label={t("uploads.sending")}>
      <p className="sending-head">
        <strong>{t(`uploads.phase.${progress.phase}`)}</strong>
        <span role="status">
          {t("uploads.count", { done: number(progress.doneFiles), files: number(progress.files) })} · {percent(share)}
        </span>
        <button className="button" onClick={onStop}>
          {t("uploads.stop")}
        </button>
      </p>
      <progress value={share} max={1} aria-label={t("uploads.sending")} />
      <ul className="sending">
        {[...progress.current].map(([name, each]) => (
          <li key={name}>
            <span className="small">{name}</span>
            <progress value={shareOf(each.done, each.total)} max={1} aria-label={name} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Batches({ collection }: { collection: string }) {
  const { t } = useTexts();
  const found = useQuery({
    queryKey: ["batches", collection],
    queryFn: () =>
      unwrap(
        api.GET("/v1/collections/{collection_id}/batches", { params: { path: { collection_id: collection }, query: { limit: 50 } } }),
      ),
    refetchInterval: (query) => (query.state.data?.batches.some((batch) => batch.state === "running") ? LIVE_MS : false),
  });
  const queries = useQueryClient();
  const running = found.data?.batches.some((batch) => batch.state === "running") ?? false;
  const was = useRef(running);
  useEffect(() => {
    // A batch has ended: the collection has new images.
    if (was.current && !running) {
      for (const key of ["items", "count", "facets"]) void queries.invalidateQueries({ queryKey: [key, collection] });
    }
    was.current = running;
  }, [running, queries, collection]);
  if (found.error) return <ErrorNote error={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton lines={3} />;
  if (found.data.batches.length === 0) {
    return (
      <Empty icon="publish" title={t("uploads.empty")}>
        <p className="muted">{t("uploads.empty.why")}</p>
      </Empty>
    );
  }
  return (
    <ul className="rows">
      {found.data.batches.map((batch) => (
        <BatchRow key={batch.id} collection={collection} batch={batch} />
      ))}
    </ul>
  );
}

function BatchRow({ collection, batch }: { collection: string; batch: Batch }) {
  const { t, named, number, moment } = useTexts();
  const [open, setOpen] = useState(false);
  return (
    <li className="batch">
      <div className="row">
        <div className="row-main">
          <p className="row-title">{moment(batch.created_at)}</p>
          <p className="small muted">
            {t("uploads.files", { count: number(batch.files) })}
            {Object.entries(batch.counts).map(([status, count]) => ` · ${named("ledger", status)} ${number(count)}`)}
          </p>
          {batch.error && <p className="small bad">{batch.error}</p>}
          {batch.state === "open" && <p className="small">{t("uploads.resume")}</p>}
        </div>
        {batch.state === "open" ? (
          <span className="badge badge-warn">{t("uploads.open")}</span>
        ) : (
          <StatusBadge status={STATUS[batch.state]} />
        )}
        <button className="button" aria-expanded={open} onClick={() => setOpen(!open)}>
          {t("ledger.title")}
        </button>
      </div>
      {open && <Ledger collection={collection} batch={batch.id} />}
    </li>
  );
}

function Ledger({ collection, batch }: { collection: string; batch: string }) {
  const { t, named } = useTexts();
  const found = useInfiniteQuery({
    queryKey: ["ledger", collection, batch],
    initialPageParam: 0,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/v1/collections/{collection_id}/batches/{batch}/ledger", {
          params: { path: { collection_id: collection, batch }, query: { after: pageParam, limit: 200 } },
        }),
      ),
    getNextPageParam: (last) => last.next_cursor,
  });
  if (found.error) return <ErrorNote error={found.error} />;
  if (!found.data) return <Skeleton lines={2} />;
  const lines = found.data.pages.flatMap((page) => page.lines);
  if (lines.length === 0) return <p className="muted small ledger">{t("ledger.empty")}</p>;
  return (
    <div className="ledger scroll" tabIndex={0} role="group" aria-label={t("ledger.title")}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("ledger.file")}</th>
            <th scope="col">{t("ledger.outcome")}</th>
            <th scope="col">{t("clip.why")}</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line, index) => (
            <tr key={index}>
              <td>
                {line.item ? (
                  <Link to="/collections/$id" params={{ id: collection }} search={{ item: line.item }}>
                    {line.name}
                  </Link>
                ) : (
                  line.name
                )}
              </td>
              <td>{named("ledger", line.status)}</td>
              <td className="wrap">{line.reason ?? ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <More of={found} />
    </div>
  );
}
