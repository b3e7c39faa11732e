// What a collection says of itself, who sees it, which models look at it; and its end.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useId, useState } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { Dialog, ErrorNote } from "../../ui/parts";
import { useToasts } from "../../ui/toasts";
import { VISIBILITIES } from "./list";

export function SettingsDialog({ collection, onClose }: { collection: Schemas["Collection"]; onClose: () => void }) {
  const { t, named } = useTexts();
  const queries = useQueryClient();
  const [description, setDescription] = useState(collection.description);
  const [visibility, setVisibility] = useState(collection.visibility);
  const [models, setModels] = useState(collection.models.join(", "));
  const fields = { description: useId(), visibility: useId(), models: useId() };
  const change = useMutation({
    mutationFn: () =>
      unwrap(
        api.PATCH("/v1/collections/{collection_id}", {
          params: { path: { collection_id: collection.id } },
          headers: { "If-Match": `"${collection.revision}"` },
          body: { description, visibility, models: models.split(",").map((each) => each.trim()).filter(Boolean) },
        }),
      ),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["collection", collection.id] });
      await queries.invalidateQueries({ queryKey: ["collections"] });
      onClose();
    },
  });
  return (
    <Dialog title={t("settings.title")} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
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
        <label htmlFor={fields.models}>{t("settings.models")}</label>
        <input
          id={fields.models}
          className="mono"
          value={models}
          placeholder="resnet50@1"
          onChange={(event) => setModels(event.target.value)}
        />
        <p className="muted small">{t("settings.models.hint")}</p>
        {change.error && <ErrorNote error={change.error} />}
        <div className="form-end">
          <button type="button" className="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button className="button button-main" disabled={change.isPending}>
            {t("settings.save")}
          </button>
        </div>
      </form>
      <Deletion collection={collection} />
    </Dialog>
  );
}

function Deletion({ collection }: { collection: Schemas["Collection"] }) {
  const { t } = useTexts();
  const toasts = useToasts();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [typed, setTyped] = useState("");
  const field = useId();
  const remove = useMutation({
    mutationFn: () =>
      unwrap(
        api.DELETE("/v1/collections/{collection_id}", {
          params: { path: { collection_id: collection.id } },
          headers: { "If-Match": `"${collection.revision}"` },
        }),
      ),
    onSuccess: async () => {
      toasts.say(t("settings.deleted", { name: collection.id }));
      await navigate({ to: "/collections" });
      await queries.invalidateQueries({ queryKey: ["collections"] });
    },
  });
  return (
    <form
      className="form danger"
      onSubmit={(event) => {
        event.preventDefault();
        if (typed === collection.id) remove.mutate();
      }}
    >
      <h3>{t("settings.delete")}</h3>
      <label htmlFor={field}>{t("settings.delete.why", { name: collection.id })}</label>
      <div className="form-line">
        <input id={field} value={typed} autoComplete="off" onChange={(event) => setTyped(event.target.value)} />
        <button className="button button-bad" disabled={typed !== collection.id || remove.isPending}>
          {t("settings.delete")}
        </button>
      </div>
      {remove.error && <ErrorNote error={remove.error} />}
    </form>
  );
}
