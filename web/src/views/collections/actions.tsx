// What is done with chosen images, wherever they were chosen: in the grid, a search or a map.
import { useQuery } from "@tanstack/react-query";
import { useId, useState, type ReactNode } from "react";

import { api, unwrap } from "../../api/client";
import { useTexts } from "../../i18n";
import { Icon } from "../../ui/icons";
import { Dialog } from "../../ui/parts";
import { useBulkTags, useDeletion, type Target } from "./changes";
import { ExportDialog } from "./exports";

export function SelectionBar({
  collection,
  target,
  chosen,
  role,
  onClear,
  children,
}: {
  collection: string;
  target: Target;
  chosen: number;
  role: string;
  onClear: () => void;
  children?: ReactNode;
}) {
  const { t, number } = useTexts();
  const [asking, setAsking] = useState<"add" | "remove" | "export" | "delete" | null>(null);
  const tag = useBulkTags(collection);
  const exported = "query" in target ? target.query : target.ids.map((id) => `id:${id}`).join(" OR ");
  const close = () => setAsking(null);
  const deletion = useDeletion(collection, onClear);
  // All of a collection goes with the collection.
  const mayDelete = !("query" in target && target.query === "");
  return (
    <div className="selection" role="region" aria-label={t("grid.chosen", { count: number(chosen) })}>
      <strong>{t("grid.chosen", { count: number(chosen) })}</strong>
      {children}
      {role !== "viewer" && (
        <>
          <button className="button" onClick={() => setAsking("add")}>
            {t("tags.add")}
          </button>
          <button className="button" onClick={() => setAsking("remove")}>
            {t("tags.remove")}
          </button>
          <button className="button" onClick={() => setAsking("export")}>
            {t("export.title")}
          </button>
          {mayDelete && (
            <button className="button button-bad" onClick={() => setAsking("delete")}>
              {t("deletion.title")}
            </button>
          )}
        </>
      )}
      <button className="button button-icon" aria-label={t("grid.nothing")} onClick={onClear}>
        <Icon name="close" />
      </button>
      {asking === "export" && (
        <ExportDialog collection={collection} query={exported} role={role} onClose={close} />
      )}
      {asking === "delete" && (
        <Dialog title={t("deletion.title")} onClose={close}>
          <p>{t("deletion.why", { count: number(chosen) })}</p>
          <div className="form-end">
            <button className="button" onClick={close}>
              {t("cancel")}
            </button>
            <button
              className="button button-bad"
              disabled={deletion.isPending}
              onClick={() => deletion.mutate(target, { onSettled: close })}
            >
              {t("deletion.go", { count: number(chosen) })}
            </button>
          </div>
        </Dialog>
      )}
      {(asking === "add" || asking === "remove") && (
        <TagDialog
          title={t(asking === "add" ? "tags.add" : "tags.remove")}
          collection={collection}
          onClose={close}
          onTags={(tags) => {
            tag(target, asking === "add" ? tags : [], asking === "add" ? [] : tags);
            close();
          }}
        />
      )}
    </div>
  );
}

function TagDialog({
  title,
  collection,
  onClose,
  onTags,
}: {
  title: string;
  collection: string;
  onClose: () => void;
  onTags: (tags: string[]) => void;
}) {
  const { t } = useTexts();
  const [text, setText] = useState("");
  const field = useId();
  const known = useQuery({
    queryKey: ["tags", collection],
    queryFn: () =>
      unwrap(
        api.GET("/v1/collections/{collection_id}/tags", {
          params: { path: { collection_id: collection }, query: { limit: 200 } },
        }),
      ),
  });
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          const tags = text.split(",").map((each) => each.trim()).filter(Boolean);
          if (tags.length > 0) onTags(tags);
        }}
      >
        <label htmlFor={field}>{t("tags.which")}</label>
        <input id={field} list={`${field}-known`} value={text} required onChange={(event) => setText(event.target.value)} />
        <datalist id={`${field}-known`}>
          {known.data?.tags.map((each) => <option key={each.value} value={each.value} />)}
        </datalist>
        <div className="form-end">
          <button type="button" className="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button className="button button-main">{title}</button>
        </div>
      </form>
    </Dialog>
  );
}
