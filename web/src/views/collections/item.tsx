// One image: its boxes, labels, fields, tags and health; editors change tags and fields here.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useId, useState } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { Icon } from "../../ui/icons";
import { Dialog, ErrorNote, Picture, Skeleton } from "../../ui/parts";
import { useToasts } from "../../ui/toasts";
import { refreshItems } from "./changes";
import { writeParts } from "./parts";

type Item = Schemas["ServedImage"];
type Change = Partial<Schemas["ItemChange"]>;

export function ItemDialog({
  collection,
  id,
  mayEdit,
  onStep,
  onClose,
}: {
  collection: string;
  id: string;
  mayEdit: boolean;
  onStep: ((by: number) => void) | null;
  onClose: () => void;
}) {
  const { t } = useTexts();
  const found = useItem(collection, id);
  const [boxes, setBoxes] = useState(true);
  const item = found.data;
  return (
    <Dialog wide title={item?.names[0] ?? t("item.title")} onClose={onClose}>
      {found.error && <ErrorNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.isPending && <Skeleton kind="cards" lines={2} />}
      {item && (
        <div
          className="item"
          onKeyDown={(event) => {
            if (event.target instanceof HTMLInputElement && event.target.type === "text") return;
            if (event.key === "ArrowLeft") onStep?.(-1);
            if (event.key === "ArrowRight") onStep?.(1);
          }}
        >
          <div className="item-picture">
            <div className="item-frame" style={{ aspectRatio: `${item.width} / ${item.height}` }}>
              <Picture src={item.image_url} alt={item.names[0] ?? ""} loading="eager" />
              {boxes && <Boxes item={item} />}
            </div>
            <div className="item-tools">
              <button className="button button-icon" aria-label={t("review.previous")} onClick={() => onStep?.(-1)}>
                <Icon name="left" />
              </button>
              <button className="button" aria-pressed={boxes} onClick={() => setBoxes(!boxes)}>
                <Icon name="box" />
                {t("item.boxes")}
              </button>
              <Link
                className="button"
                to="/collections/$id/search"
                params={{ id: collection }}
                search={{ parts: writeParts([{ kind: "item", value: id, weight: 1, box: null }]) }}
              >
                <Icon name="search" />
                {t("similar.more")}
              </Link>
              <button className="button button-icon" aria-label={t("review.next")} onClick={() => onStep?.(1)}>
                <Icon name="right" />
              </button>
            </div>
          </div>
          <Facts item={item} collection={collection} mayEdit={mayEdit} />
        </div>
      )}
    </Dialog>
  );
}

function useItem(collection: string, id: string) {
  return useQuery({
    queryKey: ["item", collection, id],
    queryFn: () =>
      unwrap(
        api.GET("/v1/collections/{collection_id}/items/{item_id}", {
          params: { path: { collection_id: collection, item_id: id } },
        }),
      ),
  });
}

function Boxes({ item }: { item: Item }) {
  const percent = (share: number) => `${share * 100}%`;
  const all = [
    ...item.annotations.map((each) => ({ ...each, by: "person", text: each.label })),
    ...item.predictions.map((each) => ({ ...each, by: "model", text: `${each.label} ${each.score.toFixed(2)}` })),
  ];
  return all.map((each, index) =>
    each.box ? (
      <span
        key={index}
        className={`item-box item-box-${each.by}`}
        style={{
          left: percent(each.box.left),
          top: percent(each.box.top),
          width: percent(each.box.width),
          height: percent(each.box.height),
        }}
      >
        <span className="box-tag">{each.text}</span>
      </span>
    ) : null,
  );
}

function Facts({ item, collection, mayEdit }: { item: Item; collection: string; mayEdit: boolean }) {
  const { t, number, moment } = useTexts();
  const labels = [
    ...item.annotations.map((each) => ({ label: each.label, note: t("item.by.person") })),
    ...item.predictions.map((each) => ({ label: each.label, note: `${each.score.toFixed(2)} · ${each.model}` })),
  ];
  return (
    <div className="item-facts">
      <Tags item={item} collection={collection} mayEdit={mayEdit} />
      {labels.length > 0 && (
        <section>
          <h3>{t("item.labels")}</h3>
          <ul className="item-labels">
            {labels.map((each, index) => (
              <li key={index}>
                {each.label} <span className="muted small">{each.note}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Fields item={item} collection={collection} mayEdit={mayEdit} />
      <section>
        <h3>{t("item.file")}</h3>
        <dl className="facts">
          <div>
            <dt>{t("item.size")}</dt>
            <dd>
              {item.width} × {item.height}, {number(Math.round(item.size_bytes / 1024))} KiB
            </dd>
          </div>
          <div>
            <dt>{t("item.added")}</dt>
            <dd>{moment(item.added_at)}</dd>
          </div>
          {item.taken_at && (
            <div>
              <dt>{t("item.taken")}</dt>
              <dd>{moment(item.taken_at)}</dd>
            </div>
          )}
          {item.health && (
            <div>
              <dt>{t("item.health")}</dt>
              <dd>{item.health.flags.length > 0 ? item.health.flags.join(", ") : t("item.health.good")}</dd>
            </div>
          )}
          {item.duplicate && (
            <div>
              <dt>{t("outcome.duplicate")}</dt>
              <dd className="mono">
                {item.duplicate.of.slice(0, 12)} ({item.duplicate.score.toFixed(3)})
              </dd>
            </div>
          )}
          <div>
            <dt>{t("clip.id")}</dt>
            <dd className="mono">{item.id}</dd>
          </div>
        </dl>
      </section>
      {mayEdit && <History item={item} collection={collection} />}
    </div>
  );
}

/** Who changed what, the newest first; asked for when it is opened. */
function History({ item, collection }: { item: Item; collection: string }) {
  const { t, named, moment } = useTexts();
  const [open, setOpen] = useState(false);
  const found = useInfiniteQuery({
    queryKey: ["history", collection, item.id],
    enabled: open,
    initialPageParam: 0,
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/v1/collections/{collection_id}/items/{item_id}/history", {
          params: { path: { collection_id: collection, item_id: item.id }, query: { after: pageParam } },
        }),
      ),
    getNextPageParam: (last) => last.next_cursor,
  });
  const changes = (found.data?.pages ?? []).flatMap((page) => page.changes).toReversed();
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t("item.history")}</summary>
      {found.error && <ErrorNote error={found.error} />}
      <ol className="item-history">
        {changes.map((change) => (
          <li key={change.number}>
            <strong>{named("change", change.kind)}</strong>
            <span className="muted small">{moment(change.at)}</span>
            <span className="small wrap">{describeChange(change.says)}</span>
          </li>
        ))}
      </ol>
      {found.hasNextPage && (
        <button className="button" onClick={() => void found.fetchNextPage()}>
          {t("more")}
        </button>
      )}
    </details>
  );
}

/** What a change says, as a line for people: names of what is set, and values where they are short. */
export function describeChange(says: Record<string, unknown>): string {
  return Object.entries(says)
    .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => {
      const text = Array.isArray(value) && value.every((each) => typeof each === "string") ? value.join(", ") : JSON.stringify(value);
      return `${name}: ${text.length > 160 ? `${text.slice(0, 160)} …` : text}`;
    })
    .join("\n");
}

/** Change an item as it was read; somebody else's change meanwhile is said, not overwritten. */
function useChange(item: Item, collection: string) {
  const toasts = useToasts();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (change: Change) =>
      unwrap(
        api.PATCH("/v1/collections/{collection_id}/items/{item_id}", {
          params: { path: { collection_id: collection, item_id: item.id } },
          headers: { "If-Match": `"${item.version}"` },
          body: change as Schemas["ItemChange"],
        }),
      ),
    // The next change is of the version that this one has made.
    onSuccess: (made) => queries.setQueryData(["item", collection, item.id], made),
    onError: toasts.fail,
    onSettled: () => refreshItems(queries, collection),
  });
}

function Tags({ item, collection, mayEdit }: { item: Item; collection: string; mayEdit: boolean }) {
  const { t } = useTexts();
  const change = useChange(item, collection);
  const [text, setText] = useState("");
  const field = useId();
  return (
    <section>
      <h3>{t("facets.tags")}</h3>
      <ul className="tags">
        {item.tags.map((tag) => (
          <li key={tag} className="tag tag-on">
            {tag}
            {mayEdit && (
              <button
                className="tag-drop"
                aria-label={t("item.tag.drop", { tag })}
                onClick={() => change.mutate({ tags: { add: [], remove: [tag] } })}
              >
                <Icon name="close" />
              </button>
            )}
          </li>
        ))}
        {item.tags.length === 0 && <li className="muted small">{t("none")}</li>}
      </ul>
      {mayEdit && (
        <form
          className="form-line"
          onSubmit={(event) => {
            event.preventDefault();
            if (text.trim()) change.mutate({ tags: { add: [text.trim()], remove: [] } }, { onSuccess: () => setText("") });
          }}
        >
          <label className="hidden" htmlFor={field}>
            {t("item.tag.add")}
          </label>
          <input id={field} value={text} placeholder={t("item.tag.add")} onChange={(event) => setText(event.target.value)} />
          <button className="button" disabled={change.isPending}>
            {t("add")}
          </button>
        </form>
      )}
    </section>
  );
}

function Fields({ item, collection, mayEdit }: { item: Item; collection: string; mayEdit: boolean }) {
  const { t } = useTexts();
  const change = useChange(item, collection);
  const [name, setName] = useState("");
  const [value, setValue] = useState("");
  const fields = { name: useId(), value: useId() };
  const entries = Object.entries(item.metadata);
  if (entries.length === 0 && !mayEdit) return null;
  return (
    <section>
      <h3>{t("item.fields")}</h3>
      <dl className="facts">
        {entries.map(([key, each]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>
              {String(each)}
              {mayEdit && (
                <button
                  className="tag-drop"
                  aria-label={t("item.field.drop", { name: key })}
                  onClick={() => change.mutate({ metadata: { [key]: null } })}
                >
                  <Icon name="close" />
                </button>
              )}
            </dd>
          </div>
        ))}
      </dl>
      {mayEdit && (
        <form
          className="form-line"
          onSubmit={(event) => {
            event.preventDefault();
            if (!name.trim()) return;
            change.mutate(
              { metadata: { [name.trim()]: readValue(value) } },
              {
                onSuccess: () => {
                  setName("");
                  setValue("");
                },
              },
            );
          }}
        >
          <label className="hidden" htmlFor={fields.name}>
            {t("item.field.name")}
          </label>
          <input id={fields.name} value={name} placeholder={t("item.field.name")} onChange={(event) => setName(event.target.value)} />
          <label className="hidden" htmlFor={fields.value}>
            {t("item.field.value")}
          </label>
          <input id={fields.value} value={value} placeholder={t("item.field.value")} onChange={(event) => setValue(event.target.value)} />
          <button className="button" disabled={change.isPending}>
            {t("add")}
          </button>
        </form>
      )}
    </section>
  );
}

/** What a person typed as a field's value: a number, true or false where it is one, else text. */
export function readValue(text: string): string | number | boolean {
  const trimmed = text.trim();
  if (trimmed === "true" || trimmed === "false") return trimmed === "true";
  return /^-?(0|[1-9]\d*)(\.\d+)?$/.test(trimmed) ? Number(trimmed) : trimmed;
}
