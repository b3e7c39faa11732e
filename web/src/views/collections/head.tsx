// What is above every view of a collection: its name, its views, and what is done with it as a whole.
import { useQuery } from "@tanstack/react-query";
import { Link, useRouterState } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { Icon, type IconName } from "../../ui/icons";
import { ErrorNote, PageHead, Skeleton } from "../../ui/parts";
import { Private } from "../problems";
import { PeopleDialog } from "./people";
import { SettingsDialog } from "./settings";
import { SplitsDialog } from "./splits";
import { VersionsDialog } from "./versions";

export type Served = Schemas["ServedCollection"];

/** A view of a collection, for those who are logged in and may see it. */
export function OfCollection({ id, children }: { id: string; children: (served: Served) => ReactNode }) {
  const about = useQuery({
    queryKey: ["collection", id],
    queryFn: () => unwrap(api.GET("/v1/collections/{collection_id}", { params: { path: { collection_id: id } } })),
  });
  return (
    <Private>
      {about.error && <ErrorNote error={about.error} onRetry={() => void about.refetch()} />}
      {about.isPending && <Skeleton lines={6} />}
      {about.data && children(about.data)}
    </Private>
  );
}

const VIEWS = [
  { to: "/collections/$id", key: "collection.images", icon: "collections" },
  { to: "/collections/$id/search", key: "collection.search", icon: "search" },
] as const satisfies readonly { to: string; key: string; icon: IconName }[];

export function CollectionHead({ served, query = "" }: { served: Served; query?: string }) {
  const { t } = useTexts();
  const { collection, role } = served;
  const [open, setOpen] = useState<"people" | "versions" | "splits" | "settings" | null>(null);
  const path = useRouterState({ select: (state) => state.location.pathname });
  const mayEdit = role !== "viewer";
  const params = { id: collection.id };
  const close = () => setOpen(null);
  const last = path.split("/")[3] ?? "";
  return (
    <>
      <p className="crumbs">
        <Link to="/collections">{t("nav.collections")}</Link>
      </p>
      <PageHead title={collection.name || collection.id} hint={collection.description || undefined}>
        {mayEdit && (
          <>
            <Link className="button button-main" to="/collections/$id/uploads" params={params}>
              <Icon name="publish" />
              {t("uploads.add")}
            </Link>
            <button className="button" onClick={() => setOpen("versions")}>
              {t("versions.title")}
            </button>
            <button className="button" onClick={() => setOpen("splits")}>
              {t("splits.title")}
            </button>
            <button className="button" onClick={() => setOpen("people")}>
              {t("people.title")}
            </button>
          </>
        )}
        {role === "owner" && (
          <button className="button button-icon" aria-label={t("settings.title")} onClick={() => setOpen("settings")}>
            <Icon name="settings" />
          </button>
        )}
      </PageHead>
      <nav className="views" aria-label={t("collection.views")}>
        {VIEWS.map((view) => {
                    const on = last === (view.to.split("/")[3] ?? "");
          return (
            <Link
              key={view.key}
              to={view.to}
              params={params}
              className={on ? "view view-on" : "view"}
              aria-current={on ? "page" : undefined}
            >
              <Icon name={view.icon} />
              {t(view.key)}
            </Link>
          );
        })}
      </nav>
      {open === "people" && <PeopleDialog collection={collection} role={role} onClose={close} />}
      {open === "versions" && <VersionsDialog collection={collection.id} role={role} onClose={close} />}
      {open === "splits" && <SplitsDialog collection={collection.id} query={query} onClose={close} />}
      {open === "settings" && <SettingsDialog collection={collection} onClose={close} />}
    </>
  );
}
