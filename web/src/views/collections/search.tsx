// Search by words, images and parts of them: more like this, less like that, with a query as a filter.
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useId, useRef, useState, type SubmitEvent } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { searchRoute, type SimilarSearch } from "../../router";
import { Icon } from "../../ui/icons";
import { Dialog, Empty, ErrorNote, Picture, Skeleton } from "../../ui/parts";
import { useShortcuts } from "../../ui/shortcuts";
import { useToasts } from "../../ui/toasts";
import { SelectionBar } from "./actions";
import { CollectionHead, OfCollection, type Served } from "./head";
import { findImage, keepImage } from "./images";
import { ItemDialog } from "./item";
import { addPart, boxBetween, readParts, writeParts, type Box, type Part } from "./parts";

const LIMIT = 100;
const FOLD_FROM = 0.97;
type Hit = Schemas["SearchHit"];

export function Search() {
  const { id } = searchRoute.useParams();
  return <OfCollection id={id}>{(served) => <Shown served={served} />}</OfCollection>;
}

function Shown({ served }: { served: Served }) {
  const { t, number } = useTexts();
  const toasts = useToasts();
  const { collection, role } = served;
  const search = searchRoute.useSearch();
  const navigate = useNavigate();
  const parts = readParts(search.parts);
  const least = Number(search.least ?? "-1");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const words = useRef<HTMLInputElement>(null);
  const go = (change: Partial<SimilarSearch>, replace = false) => {
    void navigate({
      to: "/collections/$id/search",
      params: { id: collection.id },
      search: (old) => ({ ...old, ...change }),
      replace,
      resetScroll: false,
    });
  };
  const setParts = (next: readonly Part[]) => {
    setChosen(new Set());
    go({ parts: next.length > 0 ? writeParts(next) : undefined });
  };
  const add = (part: Part) => setParts(addPart(parts, part));
  const addFiles = async (files: readonly File[]) => {
    const file = files.find((each) => each.type.startsWith("image/"));
    if (!file) return;
    try {
      const image = await keepImage(file);
      add({ kind: "image", value: image.digest, weight: 1, box: null });
    } catch {
      toasts.fail(new Error(t("similar.image.bad")));
    }
  };
  usePastedFiles((files) => void addFiles(files));
  useShortcuts(t("collection.search"), [
    { keys: ["/"], shown: "/", label: t("similar.words"), run: () => words.current?.focus() },
    { keys: ["Escape"], shown: "Esc", label: t("grid.nothing"), run: () => setChosen(new Set()) },
  ]);
  // An image that was dropped in another tab, or before this one was loaded again.
  const lost = parts.some((part) => part.kind === "image" && !findImage(part.value));
  const found = useQuery({
    queryKey: ["found", collection.id, search.parts, search.filter, search.objects, search.fold],
    enabled: parts.length > 0 && !lost,
    queryFn: ({ signal }) =>
      unwrap(
        api.POST("/v1/collections/{collection_id}/search", {
          params: { path: { collection_id: collection.id } },
          body: {
            parts: parts.map(sentPart),
            query: search.filter ?? "",
            limit: LIMIT,
            model: "",
            objects: search.objects === "yes",
            min_score: -1,
            fold_from: search.fold === "no" ? null : FOLD_FROM,
          },
          signal,
        }),
      ),
    placeholderData: (before) => (parts.length > 0 ? before : undefined),
  });
  const hits = (found.data?.hits ?? []).filter((hit) => hit.score >= least);
  const open = hits.findIndex((hit) => hit.item.id === search.item);
  return (
    <>
      <CollectionHead served={served} query={search.filter ?? ""} />
      <div
        className="similar"
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          void addFiles([...event.dataTransfer.files]);
        }}
      >
        <Words field={words} onAdd={(text) => add({ kind: "text", value: text, weight: 1, box: null })} onFiles={(files) => void addFiles(files)} />
        {parts.length > 0 && <Parts collection={collection.id} parts={parts} onChange={setParts} />}
        <Options search={search} scores={found.data?.hits ?? []} onChange={go} />
      </div>
      {lost && (
        <div className="note" role="alert">
          <Icon name="image" />
          <p>{t("similar.lost")}</p>
        </div>
      )}
      {found.error && <ErrorNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.isLoading && <Skeleton kind="cards" lines={3} />}
      {parts.length === 0 && (
        <Empty icon="search" title={t("similar.empty")}>
          <p className="muted">{t("similar.empty.why")}</p>
        </Empty>
      )}
      {!lost && !found.error && found.data && parts.length > 0 && (
        <>
          <div className="found-head">
            <p role="status">{t("similar.count", { count: number(hits.length) })}</p>
            <span className="muted small mono">{found.data.model}</span>
          </div>
          {hits.length === 0 && (
            <Empty icon="search" title={t("grid.none")}>
              <p className="muted">{t("similar.none.why")}</p>
            </Empty>
          )}
          <ul className="hits" aria-label={t("similar.results")}>
            {hits.map((hit, index) => (
              <HitTile
                key={`${hit.item.id} ${index}`}
                hit={hit}
                chosen={chosen.has(hit.item.id)}
                onOpen={() => go({ item: hit.item.id })}
                onChoose={() => {
                  const next = new Set(chosen);
                  if (!next.delete(hit.item.id)) next.add(hit.item.id);
                  setChosen(next);
                }}
                onLike={(weight) => add({ kind: "item", value: hit.item.id, weight, box: hit.box ?? null })}
              />
            ))}
          </ul>
        </>
      )}
      {chosen.size > 0 && (
        <SelectionBar
          collection={collection.id}
          target={{ ids: [...chosen] }}
          chosen={chosen.size}
          role={role}
          onClear={() => setChosen(new Set())}
        >
          {chosen.size < hits.length && (
            <button className="button button-quiet" onClick={() => setChosen(new Set(hits.map((hit) => hit.item.id)))}>
              {t("grid.all.count", { count: number(hits.length) })}
            </button>
          )}
        </SelectionBar>
      )}
      {search.item !== undefined && (
        <ItemDialog
          collection={collection.id}
          id={search.item}
          mayEdit={role !== "viewer"}
          onStep={open < 0 ? null : (by) => hits[open + by] && go({ item: hits[open + by]?.item.id }, true)}
          onClose={() => go({ item: undefined })}
        />
      )}
    </>
  );
}

function sentPart(part: Part): Schemas["SearchPart"] {
  const said = { text: part.value, item: part.value, image: findImage(part.value)?.base64 ?? "" };
  return { [part.kind]: said[part.kind], weight: part.weight, box: part.box };
}

function usePastedFiles(onFiles: (files: readonly File[]) => void): void {
  const newest = useRef(onFiles);
  useEffect(() => {
    newest.current = onFiles;
  });
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length > 0) newest.current(files);
    };
    document.addEventListener("paste", paste);
    return () => document.removeEventListener("paste", paste);
  }, []);
}

function Words({
  field,
  onAdd,
  onFiles,
}: {
  field: React.RefObject<HTMLInputElement | null>;
  onAdd: (text: string) => void;
  onFiles: (files: readonly File[]) => void;
}) {
  const { t } = useTexts();
  const [text, setText] = useState("");
  const picker = useRef<HTMLInputElement>(null);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (text.trim() === "") return;
    onAdd(text.trim());
    setText("");
  };
  return (
    <form className="words" role="search" onSubmit={submit}>
      <input
        ref={field}
        aria-label={t("similar.words")}
        placeholder={t("similar.words.placeholder")}
        maxLength={2000}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <button className="button button-main">{t("query.search")}</button>
      <button type="button" className="button" onClick={() => picker.current?.click()}>
        <Icon name="image" />
        {t("similar.image")}
      </button>
      <input
        ref={picker}
        type="file"
        accept="image/*"
        className="hidden"
        tabIndex={-1}
        aria-label={t("similar.image")}
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          event.target.value = "";
        }}
      />
    </form>
  );
}

function Parts({ collection, parts, onChange }: { collection: string; parts: readonly Part[]; onChange: (parts: Part[]) => void }) {
  const { t } = useTexts();
  const [boxing, setBoxing] = useState<number | null>(null);
  const replace = (index: number, change: Partial<Part>) =>
    onChange(parts.map((part, at) => (at === index ? { ...part, ...change } : part)));
  const boxed = boxing === null ? undefined : parts[boxing];
  return (
    <>
      <ul className="parts" aria-label={t("similar.parts")}>
        {parts.map((part, index) => (
          <li key={`${part.kind} ${part.value}`} className={part.weight < 0 ? "part part-less" : "part"}>
            {part.kind === "text" ? (
              <span className="part-text">{part.value}</span>
            ) : (
              <button className="part-image" aria-label={t("similar.box")} onClick={() => setBoxing(index)}>
                <PartImage collection={collection} part={part} size="small" />
                {part.box && <BoxMark box={part.box} />}
              </button>
            )}
            <label className="part-weight">
              <span className="small">{t(part.weight < 0 ? "similar.less" : "similar.more")}</span>
              <input
                type="range"
                min={-1}
                max={1}
                step={0.25}
                value={part.weight}
                aria-label={t("similar.weight")}
                aria-valuetext={String(part.weight)}
                onChange={(event) => replace(index, { weight: Number(event.target.value) || 0.25 })}
              />
            </label>
            <button
              className="button button-icon button-quiet"
              aria-label={t("similar.drop")}
              onClick={() => onChange(parts.filter((_, at) => at !== index))}
            >
              <Icon name="close" />
            </button>
          </li>
        ))}
      </ul>
      {boxed && boxing !== null && (
        <BoxDialog
          collection={collection}
          part={boxed}
          onBox={(box) => {
            replace(boxing, { box });
            setBoxing(null);
          }}
          onClose={() => setBoxing(null)}
        />
      )}
    </>
  );
}

function PartImage({ collection, part, size }: { collection: string; part: Part; size: "small" | "large" }) {
  const own = part.kind === "image" ? findImage(part.value)?.url : undefined;
  const found = useQuery({
    queryKey: ["item", collection, part.value],
    enabled: part.kind === "item",
    queryFn: () =>
      unwrap(
        api.GET("/v1/collections/{collection_id}/items/{item_id}", {
          params: { path: { collection_id: collection, item_id: part.value } },
        }),
      ),
  });
  const src = own ?? (size === "small" ? found.data?.thumbnail_url : found.data?.image_url);
  return <Picture src={src} alt={found.data?.names[0] ?? ""} loading="eager" />;
}

function BoxMark({ box }: { box: Box }) {
  const percent = (share: number) => `${share * 100}%`;
  return (
    <span
      className="item-box"
      style={{ left: percent(box.left), top: percent(box.top), width: percent(box.width), height: percent(box.height) }}
    />
  );
}

/** Draw a box over an image; with keys, the four numbers do the same. */
function BoxDialog({
  collection,
  part,
  onBox,
  onClose,
}: {
  collection: string;
  part: Part;
  onBox: (box: Box | null) => void;
  onClose: () => void;
}) {
  const { t } = useTexts();
  const [box, setBox] = useState<Box | null>(part.box);
  const from = useRef<{ x: number; y: number } | null>(null);
  const id = useId();
  const at = (event: React.PointerEvent<HTMLElement>) => {
    const frame = event.currentTarget.getBoundingClientRect();
    return { x: (event.clientX - frame.left) / frame.width, y: (event.clientY - frame.top) / frame.height };
  };
  const shown = box ?? { left: 0, top: 0, width: 1, height: 1 };
  return (
    <Dialog title={t("similar.box")} onClose={onClose}>
      <p className="muted small">{t("similar.box.hint")}</p>
      <div
        className="box-canvas"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          from.current = at(event);
        }}
        onPointerMove={(event) => {
          if (from.current) setBox(boxBetween(from.current, at(event)));
        }}
        onPointerUp={() => {
          from.current = null;
        }}
      >
        <PartImage collection={collection} part={part} size="large" />
        {box && <BoxMark box={box} />}
      </div>
      <div className="form-line box-numbers">
        {(["left", "top", "width", "height"] as const).map((side) => (
          <label key={side} className="split" htmlFor={`${id}-${side}`}>
            <span className="small">{t(`similar.box.${side}`)}</span>
            <input
              id={`${id}-${side}`}
              type="number"
              min={0}
              max={100}
              value={Math.round(shown[side] * 100)}
              onChange={(event) => setBox({ ...shown, [side]: Math.min(1, Math.max(0, Number(event.target.value) / 100)) })}
            />
          </label>
        ))}
      </div>
      <div className="form-end">
        <button className="button" onClick={() => onBox(null)}>
          {t("similar.box.none")}
        </button>
        <button className="button button-main" disabled={box === null} onClick={() => onBox(box)}>
          {t("query.search")}
        </button>
      </div>
    </Dialog>
  );
}

function Options({
  search,
  scores,
  onChange,
}: {
  search: SimilarSearch;
  scores: readonly Hit[];
  onChange: (change: Partial<SimilarSearch>, replace?: boolean) => void;
}) {
  const { t } = useTexts();
  const [filter, setFilter] = useState(search.filter ?? "");
  const lowest = Math.floor((scores.at(-1)?.score ?? 0) * 100) / 100;
  const highest = Math.ceil((scores[0]?.score ?? 1) * 100) / 100;
  const least = Math.max(Number(search.least ?? "-1"), lowest);
  return (
    <div className="options">
      <form
        className="options-filter"
        onSubmit={(event) => {
          event.preventDefault();
          onChange({ filter: filter.trim() || undefined });
        }}
      >
        <label>
          <span className="muted small">{t("similar.filter")}</span>
          <input
            className="mono"
            spellCheck={false}
            value={filter}
            placeholder={t("query.placeholder")}
            onChange={(event) => setFilter(event.target.value)}
            onBlur={() => onChange({ filter: filter.trim() || undefined }, true)}
          />
        </label>
      </form>
      <label className="options-cut">
        <span className="muted small">{t("similar.least", { score: least.toFixed(2) })}</span>
        <input
          type="range"
          min={lowest}
          max={highest}
          step={0.01}
          value={least}
          disabled={scores.length === 0}
          onChange={(event) => onChange({ least: Number(event.target.value) > lowest ? event.target.value : undefined }, true)}
        />
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={search.fold !== "no"}
          onChange={(event) => onChange({ fold: event.target.checked ? undefined : "no" })}
        />
        {t("similar.fold")}
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={search.objects === "yes"}
          onChange={(event) => onChange({ objects: event.target.checked ? "yes" : undefined })}
        />
        {t("similar.objects")}
      </label>
    </div>
  );
}

function HitTile({
  hit,
  chosen,
  onOpen,
  onChoose,
  onLike,
}: {
  hit: Hit;
  chosen: boolean;
  onOpen: () => void;
  onChoose: () => void;
  onLike: (weight: number) => void;
}) {
  const { t, number } = useTexts();
  const name = hit.item.names[0] ?? hit.item.id;
  return (
    <li className="hit">
      <div className={chosen ? "tile tile-on" : "tile"}>
        <button
          className="tile-open"
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey) onChoose();
            else onOpen();
          }}
        >
          <Picture src={hit.item.thumbnail_url} alt={name} className="tile-image" />
        </button>
        <input type="checkbox" className="tile-check" checked={chosen} aria-label={t("grid.choose", { name })} onChange={onChoose} />
        {hit.folded > 0 && <span className="hit-folded">{t("similar.folded", { count: number(hit.folded) })}</span>}
      </div>
      <div className="hit-foot">
        <span className="hit-score">{hit.score.toFixed(3)}</span>
        {hit.label !== "" && <span className="small muted">{hit.label}</span>}
        <button className="button button-icon button-quiet" aria-label={t("similar.like", { name })} onClick={() => onLike(1)}>
          <Icon name="plus" />
        </button>
        <button className="button button-icon button-quiet" aria-label={t("similar.unlike", { name })} onClick={() => onLike(-0.5)}>
          <Icon name="minus" />
        </button>
      </div>
    </li>
  );
}
