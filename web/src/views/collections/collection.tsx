// One collection: its query, what is found, what is chosen, and what is done with that.
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";

import { api, unwrap } from "../../api/client";
import { useTexts } from "../../i18n";
import { collectionRoute } from "../../router";
import { Empty, ErrorNote, Skeleton } from "../../ui/parts";
import { useShortcuts } from "../../ui/shortcuts";
import { SelectionBar } from "./actions";
import { FacetList } from "./facets";
import { Grid } from "./grid";
import { CollectionHead, OfCollection, type Served } from "./head";
import { ItemDialog } from "./item";
import { QueryBar } from "./query-bar";
import { SavedQueries } from "./saved";
import { extendTo, NOTHING, targetOf, toggleOne, type Selection } from "./selection";

const PAGE = 200;
const SORTS = ["", "-added_at", "added_at", "name", "-date", "-size_bytes", "sharpness", "-sharpness"] as const;

export function Collection() {
  const { id } = collectionRoute.useParams();
  return <OfCollection id={id}>{(served) => <Shown served={served} />}</OfCollection>;
}

function Shown({ served }: { served: Served }) {
  const { t, number } = useTexts();
  const { collection, role } = served;
  const search = collectionRoute.useSearch();
  const navigate = useNavigate();
  const query = search.query ?? "";
  const sort = search.sort ?? "";
  const mayEdit = role !== "viewer";
  const [selection, setSelection] = useState<Selection>(NOTHING);
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
      <CollectionHead served={served} query={query} />
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
              onExtend={(at, from) => setSelection((old) => extendTo(old, ids, at, from))}
            />
          )}
          {isFetchingNextPage && <p className="muted more">{t("loading")}</p>}
        </div>
      </div>
      {chosen > 0 && (
        <SelectionBar
          collection={collection.id}
          target={targetOf(selection, query)}
          chosen={chosen}
          role={role}
          onClear={() => setSelection(NOTHING)}
        >
          {!selection.all && chosen < total && (
            <button
              className="button button-quiet"
              onClick={() => setSelection({ ids: new Set(), anchor: null, all: true })}
            >
              {t("grid.all.count", { count: number(total) })}
            </button>
          )}
        </SelectionBar>
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
