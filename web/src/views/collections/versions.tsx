// Named versions of a collection, and what differs between two of them.
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { Icon } from "../../ui/icons";
import { Dialog, ErrorNote, More, Skeleton } from "../../ui/parts";
import { useToasts } from "../../ui/toasts";

const CHANGES = 100;

export function VersionsDialog({ collection, role, onClose }: { collection: string; role: string; onClose: () => void }) {
  const { t, number, moment } = useTexts();
  const toasts = useToasts();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const field = useId();
  const path = { collection_id: collection };
  const found = useQuery({
    queryKey: ["versions", collection],
    queryFn: () => unwrap(api.GET("/v1/collections/{collection_id}/versions", { params: { path } })),
  });
  const refresh = () => queries.invalidateQueries({ queryKey: ["versions", collection] });
  const keep = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/v1/collections/{collection_id}/versions", {
          params: { path },
          body: { name: name.trim(), description: "" },
        }),
      ),
    onSuccess: () => setName(""),
    onSettled: refresh,
  });
  const remove = useMutation({
    mutationFn: (version: string) =>
      unwrap(
        api.DELETE("/v1/collections/{collection_id}/versions/{version}", { params: { path: { ...path, version } } }),
      ),
    onSuccess: (_, version) => toasts.say(t("versions.removed", { name: version })),
    onError: toasts.fail,
    onSettled: refresh,
  });
  const versions = (found.data?.versions ?? []).toSorted((first, second) => second.at.localeCompare(first.at));
  return (
    <Dialog title={t("versions.title")} onClose={onClose}>
      <p className="muted small">{t("versions.hint")}</p>
      {found.error && <ErrorNote error={found.error} />}
      {found.isPending && <Skeleton lines={2} />}
      <ul className="rows">
        {versions.map((version) => (
          <li key={version.name} className="row">
            <span className="row-main">
              <span className="row-title">{version.name}</span>
              <span className="small muted">
                {moment(version.at)} · {t("grid.count", { count: number(version.items) })}
              </span>
            </span>
            {role === "owner" && (
              <button
                className="button button-icon"
                aria-label={t("versions.remove", { name: version.name })}
                onClick={() => remove.mutate(version.name)}
              >
                <Icon name="close" />
              </button>
            )}
          </li>
        ))}
      </ul>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          keep.mutate();
        }}
      >
        <label htmlFor={field}>{t("versions.name")}</label>
        <div className="form-line">
          <input id={field} value={name} required maxLength={100} onChange={(event) => setName(event.target.value)} />
          <button className="button button-main" disabled={keep.isPending || name.trim() === ""}>
            {t("versions.keep")}
          </button>
        </div>
        {keep.error && <ErrorNote error={keep.error} />}
      </form>
      {versions.length > 1 && <Compare collection={collection} versions={versions} />}
    </Dialog>
  );
}

function Compare({ collection, versions }: { collection: string; versions: readonly Schemas["ServedVersion"][] }) {
  const { t } = useTexts();
  const [chosen, setChosen] = useState({ from: "", to: "" });
  const ids = { from: useId(), to: useId() };
  const names = versions.map((version) => version.name);
  // Until somebody chooses: the newest, and the one before.
  const from = names.includes(chosen.from) ? chosen.from : (names[1] ?? "");
  const to = names.includes(chosen.to) ? chosen.to : (names[0] ?? "");
  const found = useInfiniteQuery({
    queryKey: ["difference", collection, from, to],
    enabled: from !== to,
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      unwrap(
        api.GET("/v1/collections/{collection_id}/versions/{version}/diff", {
          params: {
            path: { collection_id: collection, version: from },
            query: { to, after: pageParam, limit: CHANGES },
          },
        }),
      ),
    getNextPageParam: (last) => last.next_cursor,
  });
  const differences = found.data?.pages.flatMap((page) => page.differences) ?? [];
  return (
    <section>
      <h3>{t("versions.compare")}</h3>
      <div className="form-line">
        {(["from", "to"] as const).map((side) => (
          <label key={side} className="sort" htmlFor={ids[side]}>
            <span className="muted small">{t(`versions.${side}`)}</span>
            <select
              id={ids[side]}
              value={side === "from" ? from : to}
              onChange={(event) => setChosen({ from, to, [side]: event.target.value })}
            >
              {names.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        ))}
      </div>
      {found.error && <ErrorNote error={found.error} />}
      {found.isLoading && <Skeleton lines={2} />}
      {from !== to && found.data && differences.length === 0 && <p className="muted">{t("versions.same")}</p>}
      <ul className="rows">
        {differences.map((each) => (
          <li key={each.id} className="row">
            <span className="row-main">
              <span>{(each.after ?? each.before)?.names[0] ?? each.id}</span>
              {each.fields.length > 0 && <span className="small muted">{each.fields.join(", ")}</span>}
            </span>
            {each.before === null && <span className="badge badge-good">{t("versions.added")}</span>}
            {each.after === null && <span className="badge badge-bad">{t("versions.gone")}</span>}
            {each.before && each.after && <span className="badge badge-info">{t("versions.changed")}</span>}
          </li>
        ))}
      </ul>
      <More of={found} />
    </section>
  );
}
