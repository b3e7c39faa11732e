// One run: its stages as they happen, what it counted, and why it failed.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { api, ApiProblem, unwrap, type Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { runRoute } from "../../router";
import { Icon } from "../../ui/icons";
import { Dialog, Empty, ErrorNote, PageHead, Picture, Skeleton, StatusBadge, useNamed, useNamedCategory } from "../../ui/parts";
import { Private } from "../problems";
import { adviceFor, shareOf } from "./advice";
import { useStart } from "./start";

type Report = Schemas["RunReport"];
type Failure = Schemas["Failure"];

const LIVE_MS = 1_000;
const ORDER = ["collect", "analyze", "curate", "publish", "archive", "predict", "train", "gate", "poses", "compare"];

export function Run() {
  const { t, day } = useTexts();
  const { source, date } = runRoute.useParams();
  const named = useNamed("runs.source");
  return (
    <>
      <p className="crumbs">
        <Link to="/runs" search={{ source }}>
          {t("run.all")}
        </Link>
      </p>
      <PageHead title={`${named(source)}, ${/^\d{4}-\d{2}-\d{2}$/.test(date) ? day(date) : date}`} />
      <Private>
        <Watched source={source} date={date} />
      </Private>
    </>
  );
}

function Watched({ source, date }: { source: string; date: string }) {
  const { t } = useTexts();
  const { subject } = runRoute.useSearch();
  const found = useQuery({
    queryKey: ["run", source, date, subject ?? ""],
    queryFn: () => readRun(source, date, subject),
    // A run that is not there yet may be on its way; one that has ended changes only if it is started again.
    refetchInterval: (query) => {
      const report = query.state.data;
      return report === undefined ? false : report === null || report.record.status === "RUNNING" ? LIVE_MS : 10_000;
    },
  });
  if (found.error) return <ErrorNote error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Skeleton lines={8} />;
  if (found.data === null) {
    return (
      <Empty icon="runs" title={t("run.waiting")}>
        <p className="muted">{t("run.waiting.why")}</p>
      </Empty>
    );
  }
  return <Shown report={found.data} />;
}

async function readRun(source: string, date: string, subject: string | undefined): Promise<Report | null> {
  try {
    return await unwrap(
      api.GET("/v1/runs/{source}/{date}", {
        params: { path: { source, date }, query: subject === undefined ? {} : { subject } },
      }),
    );
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return null;
    throw error;
  }
}

function Shown({ report }: { report: Report }) {
  const { t, moment, duration } = useTexts();
  const { record } = report;
  const running = record.status === "RUNNING";
  const now = useNow(running);
  const endedAt = record.finished_at ? Date.parse(record.finished_at) : now;
  const trigger = useNamed("runs.trigger");
  const analysis = field(record.counts, "analysis");
  return (
    <>
      <div className="summary">
        <StatusBadge status={record.status} />
        {running && <span className="live">{t("run.live")}</span>}
        <Fact name={t("runs.when")} value={moment(record.started_at)} />
        <Fact name={t("run.duration")} value={duration((endedAt - Date.parse(record.started_at)) / 1000)} />
        <Fact name={t("runs.trigger")} value={trigger(record.trigger)} />
        {record.attempt > 1 && <Fact name={t("runs.attempt", { number: record.attempt })} value="" />}
        {typeof analysis.device === "string" && <Fact name={t("run.device")} value={analysis.device} />}
        {typeof analysis.embedder === "string" && <Fact name={t("run.model")} value={analysis.embedder} />}
        <Actions report={report} />
      </div>
      <Failures report={report} />
      <Stages report={report} />
      <Counts report={report} />
      {record.degraded.length > 0 && (
        <section className="card">
          <h2>{t("run.degraded")}</h2>
          <ul>
            {record.degraded.map((each) => <li key={each}>{each}</li>)}
          </ul>
        </section>
      )}
      {record.stand_ins.length > 0 && (
        <p className="muted small">{t("run.standins", { names: record.stand_ins.join(", ") })}</p>
      )}
    </>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <span className="fact">
      <span className="muted small">{name}</span> {value}
    </span>
  );
}

function Actions({ report }: { report: Report }) {
  const { t } = useTexts();
  const start = useStart();
  const { record } = report;
  if (record.source === "upload" || record.status === "RUNNING") return null;
  const isDone = record.status === "SUCCEEDED";
  return (
    <span className="summary-end">
      {record.source === "tiktok" && (
        <Link className="button" to="/day" search={{ date: record.date }}>
          {t("run.lists")}
        </Link>
      )}
      {record.source === "youtube" && (
        <Link className="button" to="/review">
          {t("run.review")}
        </Link>
      )}
      <button
        className={isDone ? "button" : "button button-main"}
        disabled={start.isPending}
        title={isDone ? undefined : t("run.retry.hint")}
        onClick={() => start.mutate({ source: record.source, date: record.date, force: isDone })}
      >
        <Icon name="again" />
        {t(isDone ? "run.force" : "run.retry")}
      </button>
      {start.error && <ErrorNote error={start.error} />}
    </span>
  );
}

function Failures({ report }: { report: Report }) {
  const { t } = useTexts();
  const { record } = report;
  const failures = Object.entries(record.failures);
  if (record.status === "RUNNING" || (failures.length === 0 && !record.error)) return null;
  return (
    <section className="failures" aria-labelledby="failures">
      <h2 id="failures">{t("run.failures")}</h2>
      {failures.length === 0 && record.error && (
        <FailureCard failure={{ stage: record.stage ?? "", error: record.error, cause: record.cause ?? "" }} />
      )}
      {failures.map(([scope, failure]) => (
        <FailureCard key={scope} scope={scope} failure={failure} screenshot={report.screenshots[scope]} />
      ))}
    </section>
  );
}

function FailureCard({
  scope,
  failure,
  screenshot,
}: {
  scope?: string;
  failure: Failure;
  screenshot?: string | undefined;
}) {
  const { t } = useTexts();
  const category = useNamedCategory();
  const stage = useNamed("run.stage");
  const [open, setOpen] = useState(false);
  const seen = t("run.seen", { category: category(scope ?? "") });
  return (
    <article className="note note-bad failure">
      <div className="failure-text">
        <p className="note-title">
          {scope !== undefined && `${category(scope)} · `}
          {stage(failure.stage)} · <span className="mono">{failure.error}</span>
        </p>
        <p className="wrap">{failure.cause}</p>
        <p>
          <strong>{t("run.next")}: </strong>
          {t(adviceFor(failure.error))}
        </p>
      </div>
      {screenshot !== undefined && (
        <button className="screenshot" onClick={() => setOpen(true)} aria-label={`${seen}. ${t("run.seen.larger")}`}>
          <Picture src={screenshot} alt="" />
        </button>
      )}
      {open && screenshot !== undefined && (
        <Dialog title={seen} onClose={() => setOpen(false)}>
          <Picture className="screenshot-full" src={screenshot} alt={seen} />
        </Dialog>
      )}
    </article>
  );
}

function Stages({ report }: { report: Report }) {
  const { t, number } = useTexts();
  const stage = useNamed("run.stage");
  const category = useNamedCategory();
  const done = new Set(report.stages.map((each) => `${each.stage} ${each.scope}`));
  const doing = report.progress.filter((each) => !done.has(`${each.stage} ${each.scope}`));
  const finished = report.stages.toSorted((a, b) => ORDER.indexOf(a.stage) - ORDER.indexOf(b.stage));
  if (done.size === 0 && doing.length === 0) return null;
  const scopes = (scope: string) => scope.split(".").map(category).join(", ");
  return (
    <section className="card" aria-labelledby="stages">
      <h2 id="stages">{t("run.stages")}</h2>
      <ol className="stages">
        {finished.map((each) => (
          <li key={`${each.stage} ${each.scope}`} className="stage stage-done">
            <Icon name="review" />
            <span>{stage(each.stage)}</span>
            <span className="muted small">{scopes(each.scope)}</span>
          </li>
        ))}
        {doing.map((each) => (
          <li key={`${each.stage} ${each.scope}`} className="stage stage-doing">
            <span className="spinner" aria-hidden="true" />
            <span>{stage(each.stage)}</span>
            <span className="muted small">{scopes(each.scope)}</span>
            <progress
              value={shareOf(each.done, each.total)}
              max={1}
              aria-label={`${stage(each.stage)} ${scopes(each.scope)}`}
            />
            <span className="small nowrap">
              {number(each.done)} / {number(each.total)}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Counts({ report }: { report: Report }) {
  const { t, number } = useTexts();
  const category = useNamedCategory();
  const { record } = report;
  const names = [...new Set([...record.wanted, ...record.done])].filter(
    (name) => Object.keys(field(record.counts, name)).length > 0,
  );
  if (names.length === 0) return null;
  const columns = [
    { label: t("run.count.seen"), read: (counts: Counts_) => counts.seen },
    { label: t("run.count.items"), read: (counts: Counts_) => counts.items },
    { label: t("run.count.failed_items"), read: (counts: Counts_) => counts.failed ?? field(counts, "dropped").failed },
    { label: t("run.count.duplicates"), read: (counts: Counts_) => field(counts, "dropped").duplicate },
    { label: t("run.count.language"), read: (counts: Counts_) => field(counts, "dropped").language },
    { label: t("run.count.below"), read: (counts: Counts_) => field(counts, "dropped").below_top },
    { label: t("run.count.ranked"), read: (counts: Counts_) => counts.ranked },
  ];
  return (
    <section className="card" aria-labelledby="counts">
      <h2 id="counts">{t("run.counts")}</h2>
      <div className="scroll" tabIndex={0} role="group" aria-labelledby="counts">
        <table>
          <thead>
            <tr>
              <th scope="col">{t("day.category")}</th>
              {columns.map((column) => (
                <th key={column.label} scope="col" className="figure">
                  {column.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {names.map((name) => (
              <tr key={name}>
                <th scope="row">{category(name)}</th>
                {columns.map((column) => {
                  const value = column.read(field(record.counts, name));
                  return (
                    <td key={column.label} className="figure">
                      {typeof value === "number" ? number(value) : "–"}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

type Counts_ = Record<string, unknown>;

/** A part of a record's figures, whose form is each stage's own; nothing where there is none. */
function field(counts: unknown, name: string): Counts_ {
  const found = typeof counts === "object" && counts !== null ? (counts as Counts_)[name] : undefined;
  return typeof found === "object" && found !== null ? (found as Counts_) : {};
}

function useNow(ticking: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!ticking) return;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}
