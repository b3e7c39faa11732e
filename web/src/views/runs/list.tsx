import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useAbout } from "../../auth/hooks";
import { useTexts } from "../../i18n";
import { runsRoute } from "../../router";
import { Icon } from "../../ui/icons";
import { Empty, ErrorNote, PageHead, Segments, Skeleton, StatusBadge, useNamed } from "../../ui/parts";
import { useShortcuts } from "../../ui/shortcuts";
import { Private } from "../problems";
import { StartDialog } from "./start";

type Record_ = Schemas["RunRecord"];

const LIVE_MS = 2_000;

export function Runs() {
  const { t } = useTexts();
  const about = useAbout();
  const named = useNamed("runs.source");
  const navigate = useNavigate();
  const sources = about?.sources ?? ["tiktok"];
  const chosen = runsRoute.useSearch().source;
  const source = sources.find((each) => each === chosen) ?? sources[0] ?? "tiktok";
  const [starting, setStarting] = useState(false);
  const canStart = source !== "upload";
  useShortcuts(t("nav.runs"), [
    { keys: ["s"], shown: "s", label: t("runs.start"), run: () => canStart && setStarting(true) },
  ]);
  return (
    <>
      <PageHead title={t("runs.title")}>
        {canStart && (
          <button className="button button-main" onClick={() => setStarting(true)}>
            <Icon name="runs" />
            {t("runs.start")}
          </button>
        )}
      </PageHead>
      <Segments
        label={t("runs.source")}
        value={source}
        options={sources.map((value) => ({ value, label: named(value) }))}
        onChange={(value) => void navigate({ to: "/runs", search: { source: value } })}
      />
      <Private>
        <List source={source} />
        {starting && <StartDialog source={source} onClose={() => setStarting(false)} />}
      </Private>
    </>
  );
}

function List({ source }: { source: string }) {
  const { t } = useTexts();
  const found = useQuery({
    queryKey: ["runs", source],
    queryFn: () => unwrap(api.GET("/v1/runs", { params: { query: { source, limit: 50 } } })),
    refetchInterval: (query) => (query.state.data?.runs.some((run) => run.status === "RUNNING") ? LIVE_MS : 30_000),
  });
  if (found.error) return <ErrorNote error={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton lines={8} />;
  if (found.data.runs.length === 0) {
    return (
      <Empty icon="runs" title={t("runs.empty")}>
        <p className="muted">{t(source === "upload" ? "runs.empty.upload" : "runs.empty.why")}</p>
      </Empty>
    );
  }
  return (
    <ul className="rows">
      {found.data.runs.map((run) => (
        <li key={`${run.date} ${run.subject ?? ""}`}>
          <Row run={run} />
        </li>
      ))}
    </ul>
  );
}

function Row({ run }: { run: Record_ }) {
  const { t, day, moment } = useTexts();
  const trigger = useNamed("runs.trigger");
  return (
    <Link
      className="row row-button"
      to="/runs/$source/$date"
      params={{ source: run.source, date: run.date }}
      search={run.subject ? { subject: run.subject } : {}}
    >
      <span className="row-main">
        <span className="row-title">
          {day(run.date)}
          {run.subject && <span className="muted"> · {run.subject}</span>}
        </span>
        <span className="small muted">
          {moment(run.started_at)} · {trigger(run.trigger)}
          {run.attempt > 1 && ` · ${t("runs.attempt", { number: run.attempt })}`}
        </span>
        {run.cause && <span className="small bad clamp">{run.cause}</span>}
      </span>
      <Took run={run} />
      <StatusBadge status={run.status} />
    </Link>
  );
}

export function Took({ run }: { run: Record_ }) {
  const { duration } = useTexts();
  if (!run.finished_at) return null;
  const seconds = (Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000;
  return <span className="small muted nowrap">{duration(seconds)}</span>;
}
