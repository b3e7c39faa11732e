// Export what is chosen: a job makes the file, which can be watched and fetched here.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { Dialog, ErrorNote, StatusBadge } from "../../ui/parts";
import { shareOf } from "../runs/advice";

type Format = Schemas["NewExport"]["format"];
const FORMATS = ["coco", "yolo", "voc", "label-studio", "parquet", "csv", "jsonl", "images"] as const satisfies readonly Format[];
const STATUS = { running: "RUNNING", done: "SUCCEEDED", failed: "FAILED" } as const;
const LIVE_MS = 1_500;

export function ExportDialog({
  collection,
  query,
  role,
  onClose,
}: {
  collection: string;
  query: string;
  role: string;
  onClose: () => void;
}) {
  const { t, number } = useTexts();
  const [format, setFormat] = useState<Format>("coco");
  const [images, setImages] = useState(role === "owner");
  const field = useId();
  const start = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/v1/collections/{collection_id}/exports", {
          params: { path: { collection_id: collection } },
          body: { query, format, options: { labels: "either", min_score: 0.5, images } },
        }),
      ),
  });
  const made = useQuery({
    queryKey: ["export", collection, start.data?.id],
    enabled: start.data !== undefined,
    queryFn: () =>
      unwrap(
        api.GET("/v1/collections/{collection_id}/exports/{export}", {
          params: { path: { collection_id: collection, export: start.data?.id ?? "" } },
        }),
      ),
    refetchInterval: (found) => (found.state.data?.state === "running" || !found.state.data ? LIVE_MS : false),
  });
  const shown = made.data ?? start.data;
  return (
    <Dialog title={t("export.title")} onClose={onClose}>
      {!shown && (
        <form
          className="form"
          onSubmit={(event) => {
            event.preventDefault();
            start.mutate();
          }}
        >
          <label htmlFor={field}>{t("export.format")}</label>
          <select id={field} value={format} onChange={(event) => setFormat(FORMATS.find((each) => each === event.target.value) ?? "coco")}>
            {FORMATS.map((each) => (
              <option key={each} value={each}>
                {t(`export.format.${each}`)}
              </option>
            ))}
          </select>
          <label className="check">
            <input type="checkbox" checked={images} disabled={role !== "owner"} onChange={(event) => setImages(event.target.checked)} />
            {t("export.images")}
          </label>
          {role !== "owner" && <p className="muted small">{t("export.images.why")}</p>}
          {start.error && <ErrorNote error={start.error} />}
          <div className="form-end">
            <button type="button" className="button" onClick={onClose}>
              {t("cancel")}
            </button>
            <button className="button button-main" disabled={start.isPending}>
              {t("export.start")}
            </button>
          </div>
        </form>
      )}
      {shown && (
        <div className="form" role="status">
          <p>
            <StatusBadge status={STATUS[shown.state]} /> {t(`export.format.${shown.format}`)}
          </p>
          {shown.state === "running" && (
            <progress value={shareOf(shown.done, shown.total)} max={1} aria-label={t("export.title")} />
          )}
          {shown.error && <p className="bad">{shown.error}</p>}
          {shown.summary && <p>{t("export.holds", { count: number(shown.summary.items) })}</p>}
          {shown.url && <Download url={shown.url} name={`${collection} ${shown.id}`} />}
        </div>
      )}
    </Dialog>
  );
}

/** The bucket has an origin of its own, whose links a browser would show rather than keep: so the page fetches it. */
function Download({ url, name }: { url: string; name: string }) {
  const { t } = useTexts();
  const fetching = useMutation({
    mutationFn: async () => {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error(`The bucket refuses the file: HTTP ${answer.status}`);
      saveFile(await answer.blob(), fileName(name, url));
    },
  });
  return (
    <>
      <button className="button button-main" disabled={fetching.isPending} onClick={() => fetching.mutate()}>
        {fetching.isPending ? t("loading") : t("export.fetch")}
      </button>
      {fetching.error && <ErrorNote error={fetching.error} />}
    </>
  );
}

/** A name for what lies at an address: the given one, with the ending of the address. */
export function fileName(name: string, url: string): string {
  const ending = /\.[a-z0-9]+$/i.exec(new URL(url).pathname)?.[0] ?? "";
  return `${name}${ending}`;
}

function saveFile(data: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(data);
  link.download = name;
  link.click();
  // The browser has begun to read it by the next task.
  setTimeout(() => URL.revokeObjectURL(link.href), 0);
}
