import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";

import { api, unwrap } from "../../api/client";
import { useTexts } from "../../i18n";
import { Icon } from "../../ui/icons";
import { Dialog, ErrorNote } from "../../ui/parts";
import { useToasts } from "../../ui/toasts";

export function SavedQueries({
  collection,
  query,
  sort,
  mayEdit,
  onOpen,
}: {
  collection: string;
  query: string;
  sort: string;
  mayEdit: boolean;
  onOpen: (search: { query: string; sort: string }) => void;
}) {
  const { t } = useTexts();
  const toasts = useToasts();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState("");
  const field = useId();
  const path = { collection_id: collection };
  const found = useQuery({
    queryKey: ["saved", collection],
    queryFn: () => unwrap(api.GET("/v1/collections/{collection_id}/queries", { params: { path } })),
    enabled: open,
  });
  const refresh = () => queries.invalidateQueries({ queryKey: ["saved", collection] });
  const save = useMutation({
    mutationFn: (given: { name: string; query: string; sort: string }) =>
      unwrap(
        api.PUT("/v1/collections/{collection_id}/queries/{name}", {
          params: { path: { ...path, name: given.name } },
          body: { query: given.query, sort: given.sort },
        }),
      ),
    onSettled: refresh,
  });
  const remove = useMutation({
    mutationFn: (given: { name: string; query: string; sort: string }) =>
      unwrap(api.DELETE("/v1/collections/{collection_id}/queries/{name}", { params: { path: { ...path, name: given.name } } })),
    onSuccess: (_, given) => toasts.say(t("saved.removed", { name: given.name }), () => save.mutate(given)),
    onError: toasts.fail,
    onSettled: refresh,
  });
  return (
    <>
      <button className="button" onClick={() => setOpen(true)}>
        {t("saved.title")}
      </button>
      {open && (
        <Dialog title={t("saved.title")} onClose={() => setOpen(false)}>
          {found.error && <ErrorNote error={found.error} />}
          {found.data?.queries.length === 0 && <p className="muted">{t("saved.empty")}</p>}
          <ul className="rows">
            {found.data?.queries.map((each) => (
              <li key={each.name} className="row">
                <button
                  className="link-button row-main"
                  onClick={() => {
                    onOpen({ query: each.query, sort: each.sort });
                    setOpen(false);
                  }}
                >
                  <span className="row-title">{each.name}</span>
                  <span className="mono small">{each.query}</span>
                </button>
                {mayEdit && (
                  <button className="button button-icon" aria-label={t("saved.remove", { name: each.name })} onClick={() => remove.mutate(each)}>
                    <Icon name="close" />
                  </button>
                )}
              </li>
            ))}
          </ul>
          {mayEdit && query !== "" && (
            <form
              className="form"
              onSubmit={(event) => {
                event.preventDefault();
                save.mutate({ name: name.trim(), query, sort }, { onSuccess: () => setName("") });
              }}
            >
              <label htmlFor={field}>{t("saved.name")}</label>
              <div className="form-line">
                <input id={field} value={name} required maxLength={100} onChange={(event) => setName(event.target.value)} />
                <button className="button button-main" disabled={save.isPending || name.trim() === ""}>
                  {t("saved.save")}
                </button>
              </div>
              <p className="mono small">{query}</p>
              {save.error && <ErrorNote error={save.error} />}
            </form>
          )}
        </Dialog>
      )}
    </>
  );
}
