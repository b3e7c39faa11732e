import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useId, useState } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { Icon } from "../../ui/icons";
import { Dialog, Empty, ErrorNote, More, PageHead, Skeleton } from "../../ui/parts";
import { useShortcuts } from "../../ui/shortcuts";
import { Private } from "../problems";

type Visibility = Schemas["NewCollection"]["visibility"];
export const VISIBILITIES = ["private", "department", "public"] as const satisfies readonly Visibility[];

export function Collections() {
  const { t } = useTexts();
  const [making, setMaking] = useState(false);
  useShortcuts(t("nav.collections"), [{ keys: ["c"], shown: "c", label: t("collections.new"), run: () => setMaking(true) }]);
  return (
    <>
      <PageHead title={t("nav.collections")} hint={t("collections.hint")}>
        <button className="button button-main" onClick={() => setMaking(true)}>
          <Icon name="collections" />
          {t("collections.new")}
        </button>
      </PageHead>
      <Private>
        <List onMake={() => setMaking(true)} />
        {making && <NewCollection onClose={() => setMaking(false)} />}
      </Private>
    </>
  );
}

function List({ onMake }: { onMake: () => void }) {
  const { t, named, day } = useTexts();
  const found = useInfiniteQuery({
    queryKey: ["collections"],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/v1/collections", { params: { query: { limit: 100, cursor: pageParam } } })),
    getNextPageParam: (last) => last.next_cursor,
  });
  if (found.error) return <ErrorNote error={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton lines={5} />;
  const collections = found.data.pages.flatMap((page) => page.collections);
  if (collections.length === 0) {
    return (
      <Empty icon="collections" title={t("collections.empty")}>
        <p className="muted">{t("collections.empty.why")}</p>
        <button className="button button-main" onClick={onMake}>
          {t("collections.new")}
        </button>
      </Empty>
    );
  }
  return (
    <>
      <ul className="rows">
        {collections.map(({ collection, role }) => (
          <li key={collection.id}>
            <Link className="row row-button" to="/collections/$id" params={{ id: collection.id }}>
              <span className="row-main">
                <span className="row-title">{collection.name || collection.id}</span>
                {collection.description && <span className="small clamp">{collection.description}</span>}
                <span className="small muted">{day(collection.created_at.slice(0, 10))}</span>
              </span>
              <span className="badge">{named("visibility", collection.visibility)}</span>
              <span className="badge badge-info">{named("role", role)}</span>
            </Link>
          </li>
        ))}
      </ul>
      <More of={found} />
    </>
  );
}

function NewCollection({ onClose }: { onClose: () => void }) {
  const { t, named } = useTexts();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [id, setId] = useState("");
  const [description, setDescription] = useState("");
  const [visibility, setVisibility] = useState<Visibility>("private");
  const fields = { id: useId(), description: useId(), visibility: useId() };
  const make = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/v1/collections", {
          body: { id: id.trim(), name: "", description, visibility, department: "", models: [] },
        }),
      ),
    onSuccess: async (made) => {
      await queries.invalidateQueries({ queryKey: ["collections"] });
      await navigate({ to: "/collections/$id", params: { id: made.collection.id } });
    },
  });
  return (
    <Dialog title={t("collections.new")} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate();
        }}
      >
        <label htmlFor={fields.id}>{t("collections.name")}</label>
        <input
          id={fields.id}
          value={id}
          required
          maxLength={30}
          aria-describedby={`${fields.id}-hint`}
          onChange={(event) => setId(event.target.value)}
        />
        <p className="muted small" id={`${fields.id}-hint`}>
          {t("collections.name.hint")}
        </p>
        <label htmlFor={fields.description}>{t("collections.description")}</label>
        <textarea
          id={fields.description}
          rows={3}
          maxLength={5000}
          value={description}
          onChange={(event) => setDescription(event.target.value)}
        />
        <label htmlFor={fields.visibility}>{t("collections.visibility")}</label>
        <select
          id={fields.visibility}
          value={visibility}
          onChange={(event) => setVisibility(VISIBILITIES.find((each) => each === event.target.value) ?? "private")}
        >
          {VISIBILITIES.map((each) => (
            <option key={each} value={each}>
              {named("visibility", each)}
            </option>
          ))}
        </select>
        {make.error && <ErrorNote error={make.error} />}
        <div className="form-end">
          <button type="button" className="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button className="button button-main" disabled={make.isPending || id.trim() === ""}>
            {t("collections.make")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
