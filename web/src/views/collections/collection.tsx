// One collection: its query, what is found, what is chosen, and what is done with that.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useId, useMemo, useState } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { collectionRoute } from "../../router";
import { Icon } from "../../ui/icons";
import { Dialog, Empty, ErrorNote, PageHead, Skeleton } from "../../ui/parts";
import { useShortcuts } from "../../ui/shortcuts";
import { useToasts } from "../../ui/toasts";
import { Private } from "../problems";
import { ExportDialog } from "./exports";
import { FacetList } from "./facets";
import { Grid } from "./grid";
import { ItemDialog } from "./item";
import { PeopleDialog } from "./people";
import { QueryBar } from "./query-bar";
import { SavedQueries } from "./saved";
import { extendTo, NOTHING, targetOf, toggleOne, type Selection } from "./selection";

const PAGE = 200;
const SORTS = ["", "-added_at", "added_at", "name", "-date", "-size_bytes", "sharpness", "-sharpness"] as const;

export function Collection() {
  const { id } = collectionRoute.useParams();
  const about = useQuery({
    queryKey: ["collection", id],
    queryFn: () => unwrap(api.GET("/v1/collections/{collection_id}", { params: { path: { collection_id: id } } })),
  });
  return (
    <Private>
      {about.error && <ErrorNote error={about.error} onRetry={() => void about.refetch()} />}
      {about.isPending && <Skeleton lines={6} />}
      {about.data && <Shown served={about.data} />}
    </Private>
  );
}

function Shown({ served }: { served: Schemas["ServedCollection"] }) {
  const { t, number } = useTexts();
  const { collection, role } = served;
  const search = collectionRoute.useSearch();
  const navigate = useNavigate();
  const query = search.query ?? "";
  const sort = search.sort ?? "";
  const mayEdit = role !== "viewer";
  const [selection, setSelection] = useState<Selection>(NOTHING);
  const [people, setPeople] = useState(false);
  const found = useItems(collection.id, query, sort);
  const count = useQuery({
    queryKey: ["count", collection.id, query],
    enabled: !found.error,
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/v1/collections/{collection_id}/count", {
          params: { path: { collection_id: collection.id }, query: { query } },
          signal,
        }),
      ),
  });
  const items = useMemo(() => found.data?.pages.flatMap((page) => page.items) ?? [], [found.data]);
  const ids = useMemo(() => items.map((item) => item.id), [items]);
  const total = Math.max(count.data?.count ?? 0, items.length);
  const go = (change: { query?: string; sort?: string; item?: string | undefined }, replace = false) => {
    if (change.query !== undefined) setSelection(NOTHING);
    void navigate({
      to: "/collections/$id",
      params: { id: collection.id },
      search: (old) => shorten({ ...old, ...change }),
      replace,
      resetScroll: false,
    });
  };
  const { fetchNextPage, hasNextPage, isFetchingNextPage } = found;
  const needMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [fetchNextPage, hasNextPage, isFetchingNextPage]);
  useShortcuts(t("nav.collections"), [
    { keys: ["/"], shown: "/", label: t("query.label"), run: () => undefined },
    {
      keys: ["a"],
      shown: "a",
      label: t("grid.all"),
      run: () => setSelection({ ids: new Set(), anchor: null, all: true }),
    },
    { keys: ["Escape"], shown: "Esc", label: t("grid.nothing"), run: () => setSelection(NOTHING) },
  ]);
  const index = search.item === undefined ? -1 : ids.indexOf(search.item);
  const chosen = selection.all ? total : selection.ids.size;
  return (
    <>
      <p className="crumbs">
        <Link to="/collections">{t("nav.collections")}</Link>
      </p>
      <PageHead title={collection.name || collection.id} hint={collection.description || undefined}>
        {mayEdit && (
          <Link className="button button-main" to="/collections/$id/uploads" params={{ id: collection.id }}>
            <Icon name="publish" />
            {t("uploads.add")}
          </Link>
        )}
        {mayEdit && (
          <button className="button" onClick={() => setPeople(true)}>
            <Icon name="person" />
            {t("people.title")}
          </button>
        )}
      </PageHead>
      <QueryBar
        key={query}
        collection={collection.id}
        query={query}
        error={found.error}
        onSearch={(text) => go({ query: text })}
      />
      <div className="collection">
        <FacetList
          collection={collection.id}
          query={query}
          enabled={!found.error}
          onQuery={(text) => go({ query: text })}
        />
        <div className="found">
          <div className="found-head">
            <p role="status">{count.data ? t("grid.count", { count: number(count.data.count) }) : " "}</p>
            <SavedQueries collection={collection.id} query={query} sort={sort} mayEdit={mayEdit} onOpen={go} />
            <label className="sort">
              <span className="muted small">{t("grid.sort")}</span>
              <select value={sort} onChange={(event) => go({ sort: event.target.value }, true)}>
                {SORTS.map((each) => (
                  <option key={each} value={each}>
                    {t(`sort.${each}`)}
                  </option>
                ))}
              </select>
            </label>
          </div>
          {found.error && !isQueryError(found.error) && (
            <ErrorNote error={found.error} onRetry={() => void found.refetch()} />
          )}
          {found.isPending && <Skeleton kind="cards" lines={4} />}
          {found.data && items.length === 0 && <Nothing query={query} mayEdit={mayEdit} id={collection.id} />}
          {items.length > 0 && (
            <Grid
              items={items}
              total={total}
              selection={selection}
              onNeedMore={needMore}
              onOpen={(at) => go({ item: ids[at] })}
              onToggle={(at) => setSelection((old) => toggleOne(old, ids, at))}
              onExtend={(at) => setSelection((old) => extendTo(old, ids, at))}
            />
          )}
          {isFetchingNextPage && <p className="muted more">{t("loading")}</p>}
        </div>
      </div>
      {chosen > 0 && (
        <SelectionBar
          collection={collection.id}
          query={query}
          selection={selection}
          chosen={chosen}
          total={total}
          mayEdit={mayEdit}
          role={role}
          onSelect={setSelection}
        />
      )}
      {search.item !== undefined && (
        <ItemDialog
          collection={collection.id}
          id={search.item}
          mayEdit={mayEdit}
          onStep={index < 0 ? null : (by) => ids[index + by] !== undefined && go({ item: ids[index + by] }, true)}
          onClose={() => go({ item: undefined })}
        />
      )}
      {people && <PeopleDialog collection={collection} role={role} onClose={() => setPeople(false)} />}
    </>
  );
}

function shorten(search: { query?: string | undefined; sort?: string | undefined; item?: string | undefined }) {
  return { query: search.query || undefined, sort: search.sort || undefined, item: search.item };
}

function isQueryError(error: unknown): boolean {
  return error instanceof Error && "problem" in error && (error.problem as { column?: number }).column !== undefined;
}

function useItems(collection: string, query: string, sort: string) {
  return useInfiniteQuery({
    queryKey: ["items", collection, query, sort],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/v1/collections/{collection_id}/items", {
          params: { path: { collection_id: collection }, query: { query, sort, limit: PAGE, cursor: pageParam } },
          signal,
        }),
      ),
    getNextPageParam: (last) => last.next_cursor,
    // Links to thumbnails end; what was seen long ago is asked for again.
    gcTime: 5 * 60_000,
  });
}

function Nothing({ query, mayEdit, id }: { query: string; mayEdit: boolean; id: string }) {
  const { t } = useTexts();
  if (query !== "") {
    return (
      <Empty icon="image" title={t("grid.none")}>
        <p className="muted">{t("grid.none.why")}</p>
      </Empty>
    );
  }
  return (
    <Empty icon="image" title={t("grid.empty")}>
      <p className="muted">{t(mayEdit ? "grid.empty.why" : "grid.empty.viewer")}</p>
      {mayEdit && (
        <Link className="button button-main" to="/collections/$id/uploads" params={{ id }}>
          {t("uploads.add")}
        </Link>
      )}
    </Empty>
  );
}

function SelectionBar({
  collection,
  query,
  selection,
  chosen,
  total,
  mayEdit,
  role,
  onSelect,
}: {
  collection: string;
  query: string;
  selection: Selection;
  chosen: number;
  total: number;
  mayEdit: boolean;
  role: string;
  onSelect: (selection: Selection) => void;
}) {
  const { t, number } = useTexts();
  const [asking, setAsking] = useState<"add" | "remove" | "export" | null>(null);
  const tag = useBulkTags(collection);
  const exported = selection.all ? query : [...selection.ids].map((id) => `id:${id}`).join(" OR ");
  return (
    <div className="selection" role="region" aria-label={t("grid.chosen", { count: number(chosen) })}>
      <strong>{t("grid.chosen", { count: number(chosen) })}</strong>
      {!selection.all && chosen < total && (
        <button className="button button-quiet" onClick={() => onSelect({ ids: new Set(), anchor: null, all: true })}>
          {t("grid.all.count", { count: number(total) })}
        </button>
      )}
      {mayEdit && (
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
        </>
      )}
      <button className="button button-icon" aria-label={t("grid.nothing")} onClick={() => onSelect(NOTHING)}>
        <Icon name="close" />
      </button>
      {asking === "export" && (
        <ExportDialog collection={collection} query={exported} role={role} onClose={() => setAsking(null)} />
      )}
      {(asking === "add" || asking === "remove") && (
        <TagDialog
          title={t(asking === "add" ? "tags.add" : "tags.remove")}
          collection={collection}
          onClose={() => setAsking(null)}
          onTags={(tags) => {
            tag(targetOf(selection, query), asking === "add" ? tags : [], asking === "add" ? [] : tags);
            setAsking(null);
          }}
        />
      )}
    </div>
  );
}

type Target = { ids: string[] } | { query: string };

/** Tag many images at once; the change says how to undo it. */
function useBulkTags(collection: string) {
  const { t, number } = useTexts();
  const toasts = useToasts();
  const queries = useQueryClient();
  const change = useMutation({
    mutationFn: ({ target, add, remove }: { target: Target; add: string[]; remove: string[] }) =>
      unwrap(
        api.POST("/v1/collections/{collection_id}/tags", {
          params: { path: { collection_id: collection } },
          body: { ...target, add, remove },
        }),
      ),
    onError: toasts.fail,
    onSettled: () =>
      Promise.all(
        ["items", "item", "facets", "count"].map((key) => queries.invalidateQueries({ queryKey: [key, collection] })),
      ),
  });
  return (target: Target, add: string[], remove: string[]) =>
    change.mutate(
      { target, add, remove },
      {
        onSuccess: (made) => {
          // What a query finds may be other images by now: only a change of named images can be taken back.
          const undo = "ids" in target ? () => change.mutate({ target, add: remove, remove: add }) : undefined;
          toasts.say(t("tags.changed", { count: number(made.items), tags: [...add, ...remove].join(", ") }), undo);
        },
      },
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
