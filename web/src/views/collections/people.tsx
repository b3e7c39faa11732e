// Who belongs to a collection, and links that open it for a while.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";

import { api, unwrap, type Schemas } from "../../api/client";
import { useTexts } from "../../i18n";
import { Icon } from "../../ui/icons";
import { Dialog, ErrorNote } from "../../ui/parts";
import { useToasts } from "../../ui/toasts";

type Role = Schemas["Member"]["role"];
const ROLES = ["viewer", "editor", "owner"] as const satisfies readonly Role[];

export function PeopleDialog({
  collection,
  role,
  onClose,
}: {
  collection: Schemas["Collection"];
  role: string;
  onClose: () => void;
}) {
  const { t } = useTexts();
  return (
    <Dialog title={t("people.title")} onClose={onClose}>
      <Members collection={collection} isOwner={role === "owner"} />
      {role === "owner" && <Shares collection={collection.id} />}
    </Dialog>
  );
}

function Members({ collection, isOwner }: { collection: Schemas["Collection"]; isOwner: boolean }) {
  const { t, named } = useTexts();
  const toasts = useToasts();
  const queries = useQueryClient();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const fields = { email: useId(), role: useId() };
  const path = { collection_id: collection.id };
  const found = useQuery({
    queryKey: ["members", collection.id],
    queryFn: () => unwrap(api.GET("/v1/collections/{collection_id}/members", { params: { path } })),
  });
  const refresh = () => queries.invalidateQueries({ queryKey: ["members", collection.id] });
  const add = useMutation({
    mutationFn: (member: { email?: string; user?: string; role: Role }) =>
      unwrap(
        api.POST("/v1/collections/{collection_id}/members", {
          params: { path },
          body: member as Schemas["NewMember"],
        }),
      ),
    onSuccess: () => setEmail(""),
    onSettled: refresh,
  });
  const remove = useMutation({
    mutationFn: (member: Schemas["Member"]) =>
      unwrap(api.DELETE("/v1/collections/{collection_id}/members/{user}", { params: { path: { ...path, user: member.user } } })),
    onSuccess: (_, member) =>
      toasts.say(t("people.removed"), () => add.mutate({ user: member.user, role: member.role })),
    onError: toasts.fail,
    onSettled: refresh,
  });
  return (
    <section>
      <h3>{t("people.members")}</h3>
      {found.error && <ErrorNote error={found.error} />}
      <ul className="rows">
        {found.data && (
          <li className="row">
            <span className="row-main mono small">{found.data.owner}</span>
            <span className="badge badge-info">{named("role", "owner")}</span>
          </li>
        )}
        {found.data?.members
          .filter((member) => member.user !== found.data.owner)
          .map((member) => (
            <li key={member.user} className="row">
              <span className="row-main mono small">{member.user}</span>
              <span className="badge badge-info">{named("role", member.role)}</span>
              {isOwner && (
                <button className="button button-icon" aria-label={t("people.remove")} onClick={() => remove.mutate(member)}>
                  <Icon name="close" />
                </button>
              )}
            </li>
          ))}
      </ul>
      {isOwner && (
        <form
          className="form"
          onSubmit={(event) => {
            event.preventDefault();
            add.mutate({ email: email.trim(), role });
          }}
        >
          <label htmlFor={fields.email}>{t("people.email")}</label>
          <div className="form-line">
            <input id={fields.email} type="email" required value={email} onChange={(event) => setEmail(event.target.value)} />
            <label className="hidden" htmlFor={fields.role}>
              {t("people.role")}
            </label>
            <select
              id={fields.role}
              value={role}
              onChange={(event) => setRole(ROLES.find((each) => each === event.target.value) ?? "viewer")}
            >
              {ROLES.map((each) => (
                <option key={each} value={each}>
                  {named("role", each)}
                </option>
              ))}
            </select>
            <button className="button button-main" disabled={add.isPending}>
              {t("add")}
            </button>
          </div>
          {add.error && <ErrorNote error={add.error} />}
        </form>
      )}
    </section>
  );
}

function Shares({ collection }: { collection: string }) {
  const { t, moment } = useTexts();
  const toasts = useToasts();
  const queries = useQueryClient();
  const [link, setLink] = useState("");
  const path = { collection_id: collection };
  const found = useQuery({
    queryKey: ["shares", collection],
    queryFn: () => unwrap(api.GET("/v1/collections/{collection_id}/shares", { params: { path } })),
  });
  const refresh = () => queries.invalidateQueries({ queryKey: ["shares", collection] });
  const make = useMutation({
    mutationFn: () =>
      unwrap(api.POST("/v1/collections/{collection_id}/shares", { params: { path }, body: { note: "", days: 7 } })),
    onSuccess: (made) => setLink(`${window.location.origin}/shared/${made.token}`),
    onSettled: refresh,
  });
  const revoke = useMutation({
    mutationFn: (share: string) =>
      unwrap(api.DELETE("/v1/collections/{collection_id}/shares/{share}", { params: { path: { ...path, share } } })),
    onSuccess: () => toasts.say(t("shares.revoked")),
    onError: toasts.fail,
    onSettled: refresh,
  });
  return (
    <section>
      <h3>{t("shares.title")}</h3>
      <p className="muted small">{t("shares.hint")}</p>
      {link !== "" && (
        <p className="form-line">
          <input readOnly aria-label={t("shares.link")} className="mono" value={link} onFocus={(event) => event.target.select()} />
          <button className="button" onClick={() => void navigator.clipboard.writeText(link).then(() => toasts.say(t("shares.copied")))}>
            {t("shares.copy")}
          </button>
        </p>
      )}
      <ul className="rows">
        {found.data?.shares.map((share) => (
          <li key={share.id} className="row">
            <span className="row-main small">{t("shares.until", { when: moment(share.expires_at) })}</span>
            <button className="button" onClick={() => revoke.mutate(share.id)}>
              {t("shares.revoke")}
            </button>
          </li>
        ))}
      </ul>
      {make.error && <ErrorNote error={make.error} />}
      <p className="more">
        <button className="button" disabled={make.isPending} onClick={() => make.mutate()}>
          {t("shares.make")}
        </button>
      </p>
    </section>
  );
}
