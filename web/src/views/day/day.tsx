import { useQueries } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";

import { publicApi, unwrap, ApiProblem, type Schemas } from "../../api/client";
import { useAbout } from "../../auth/hooks";
import { useTexts } from "../../i18n";
import { dayRoute, DAY_VIEWS, type DaySearch, type DayView } from "../../router";
import { Icon } from "../../ui/icons";
import { Empty, ErrorNote, PageHead, Picture, Segments, Skeleton, useNamedCategory } from "../../ui/parts";
import { useShortcuts } from "../../ui/shortcuts";
import { Private } from "../problems";
import { ClipDialog } from "./clip";
import { LeftOut, Pairs } from "./dropped";
import { PublishAgain } from "./publish";
import { hasGap, moveOf, shiftDay } from "./ranks";
import { Takedowns } from "./takedowns";

type List = Schemas["ServedList"];
type ListItem = Schemas["ServedItem"];

export function Day() {
  const { t, day } = useTexts();
  const search = dayRoute.useSearch();
  const navigate = useNavigate();
  const about = useAbout();
  const categories = about?.categories ?? [];
  const lists = useLists(categories, search.date);
  const newest = lists.flatMap((list) => (list.data ? [list.data.date] : [])).toSorted().at(-1);
  const shown = search.date ?? newest;
  const view = search.view ?? "lists";
  const category = categories.find((each) => each === search.category) ?? categories[0] ?? "";
  const go = (change: DaySearch, replace = false) =>
    void navigate({ to: "/day", search: (old) => ({ ...old, ...change }), replace });
  useShortcuts(t("nav.day"), [
    { keys: ["["], shown: "[", label: t("day.previous"), run: () => shown && go({ date: shiftDay(shown, -1) }) },
    { keys: ["]"], shown: "]", label: t("day.next"), run: () => shown && go({ date: shiftDay(shown, 1) }) },
    ...DAY_VIEWS.map((each, index) => ({
      keys: [String(index + 1)],
      shown: String(index + 1),
      label: t(`day.${each}`),
      run: () => go({ view: each }),
    })),
  ]);
  return (
    <>
      <PageHead title={t("day.title")} hint={shown ? day(shown) : undefined}>
        <DatePicker date={shown} isNewest={search.date === undefined} onChange={(date) => go({ date })} />
      </PageHead>
      <div className="toolbar">
        <Segments<DayView>
          label={t("day.tabs")}
          value={view}
          options={DAY_VIEWS.map((value) => ({ value, label: t(`day.${value}`) }))}
          onChange={(value) => go({ view: value })}
        />
        {view === "lists" && shown && (
          <PublishAgain date={shown} hasGap={lists.some((list) => list.data && hasGap(list.data.items))} />
        )}
      </div>
      {view !== "takendown" && (
        <CategoryChoice
          categories={categories}
          value={category}
          onlyNarrow={view === "lists"}
          onChange={(value) => go({ category: value }, true)}
        />
      )}
      {view === "lists" && (
        <div className="lists">
          {categories.map((each, index) => (
            <section key={each} className={each === category ? "list list-on" : "list"} aria-labelledby={`list-${each}`}>
              <ListOf
                category={each}
                list={lists[index]?.data}
                error={lists[index]?.error}
                shown={shown}
                onRetry={() => void lists[index]?.refetch()}
                onOpen={(clip) => go({ clip })}
              />
            </section>
          ))}
        </div>
      )}
      {view !== "lists" && (
        <Private>
          {view === "takendown" && <Takedowns />}
          {view === "reuploads" && shown && <Pairs date={shown} category={category} onOpen={(clip) => go({ clip })} />}
          {view === "leftout" && shown && <LeftOut date={shown} category={category} onOpen={(clip) => go({ clip })} />}
          {view !== "takendown" && !shown && about && <NoList />}
        </Private>
      )}
      {search.clip !== undefined && (
        <ClipDialog
          id={search.clip}
          listed={lists.flatMap((list) => list.data?.items ?? []).find((item) => item.clip_id === search.clip)}
          onClose={() => go({ clip: undefined })}
        />
      )}
    </>
  );
}

function useLists(categories: readonly string[], date: string | undefined) {
  return useQueries({
    queries: categories.map((category) => ({
      queryKey: ["list", category, date ?? "newest"],
      queryFn: () => readList(category, date),
    })),
  });
}

/** A list; null: there is none of that day. */
async function readList(category: string, date: string | undefined): Promise<List | null> {
  try {
    return await unwrap(
      publicApi.GET("/v1/top10/{category}", {
        params: { path: { category }, query: date ? { date } : {} },
        // Lists may be kept for a while, and a takedown is to be seen at once: asked again, they cost a 304.
        cache: "no-cache",
      }),
    );
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return null;
    throw error;
  }
}

function DatePicker({
  date,
  isNewest,
  onChange,
}: {
  date: string | undefined;
  isNewest: boolean;
  onChange: (date: string | undefined) => void;
}) {
  const { t } = useTexts();
  return (
    <div className="stepper">
      <button
        className="button button-icon"
        aria-label={t("day.previous")}
        disabled={!date}
        onClick={() => date && onChange(shiftDay(date, -1))}
      >
        <Icon name="left" />
      </button>
      <input
        type="date"
        aria-label={t("day.date")}
        value={date ?? ""}
        onChange={(event) => event.target.value && onChange(event.target.value)}
      />
      <button
        className="button button-icon"
        aria-label={t("day.next")}
        disabled={!date || isNewest}
        onClick={() => date && onChange(shiftDay(date, 1))}
      >
        <Icon name="right" />
      </button>
      <button className="button" disabled={isNewest} onClick={() => onChange(undefined)}>
        {t("day.newest")}
      </button>
    </div>
  );
}

function CategoryChoice({
  categories,
  value,
  onlyNarrow,
  onChange,
}: {
  categories: readonly string[];
  value: string;
  onlyNarrow: boolean;
  onChange: (category: string) => void;
}) {
  const { t } = useTexts();
  const named = useNamedCategory();
  return (
    <div className={onlyNarrow ? "chips chips-narrow" : "chips"}>
      <Segments
        label={t("day.category")}
        value={value}
        options={categories.map((each) => ({ value: each, label: named(each) }))}
        onChange={onChange}
      />
    </div>
  );
}

function ListOf({
  category,
  list,
  error,
  shown,
  onRetry,
  onOpen,
}: {
  category: string;
  list: List | null | undefined;
  error: unknown;
  shown: string | undefined;
  onRetry: () => void;
  onOpen: (clip: string) => void;
}) {
  const { t, day } = useTexts();
  const named = useNamedCategory();
  return (
    <>
      <header className="list-head">
        <h2 id={`list-${category}`}>{named(category)}</h2>
        {list && list.date !== shown && <p className="badge badge-warn">{t("day.older", { date: day(list.date) })}</p>}
        {list?.note && <p className="muted small">{list.note}</p>}
      </header>
      {error != null && <ErrorNote error={error} onRetry={onRetry} />}
      {list === undefined && error == null && <Skeleton kind="cards" lines={6} />}
      {list === null && <NoList />}
      {list && (
        <ol className="ranks">
          {list.items.map((item) => (
            <Rank key={item.clip_id} item={item} onOpen={onOpen} />
          ))}
        </ol>
      )}
    </>
  );
}

function Rank({ item, onOpen }: { item: ListItem; onOpen: (clip: string) => void }) {
  const { t, compact } = useTexts();
  const title = item.title || t("day.untitled");
  return (
    <li className="rank" value={item.rank}>
      <button className="rank-card" onClick={() => onOpen(item.clip_id)}>
        <span className="rank-number">
          {item.rank}
          <MoveMark item={item} />
        </span>
        <Picture
          className="rank-image"
          src={item.thumbnail_url}
          width={item.thumbnail_width}
          height={item.thumbnail_height}
          alt=""
          loading={item.rank > 4 ? "lazy" : "eager"}
        />
        <span className="rank-text">
          <span className="rank-title">{title}</span>
          <span className="muted small rank-author">{item.author_name || item.author}</span>
          <span className="small rank-views">{t("day.views", { count: compact(item.views) })}</span>
        </span>
      </button>
    </li>
  );
}

function MoveMark({ item }: { item: ListItem }) {
  const { t } = useTexts();
  const move = moveOf(item);
  if (move.kind === "new") return <span className="move move-new">{t("day.new")}</span>;
  if (move.kind === "same") {
    return (
      <span className="move" title={t("day.same")}>
        <span aria-hidden="true">–</span>
        <span className="hidden">{t("day.same")}</span>
      </span>
    );
  }
  const said = t(move.kind === "up" ? "day.up" : "day.down", { places: move.places, rank: item.previous_rank ?? 0 });
  return (
    <span className={`move move-${move.kind}`} title={said}>
      <span aria-hidden="true">
        {move.kind === "up" ? "▲" : "▼"}
        {move.places}
      </span>
      <span className="hidden">{said}</span>
    </span>
  );
}

function NoList() {
  const { t } = useTexts();
  return (
    <Empty icon="day" title={t("day.empty")}>
      <p className="muted">{t("day.empty.why")}</p>
      <Link className="button" to="/runs">
        {t("day.empty.start")}
      </Link>
    </Empty>
  );
}
