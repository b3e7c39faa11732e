import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { session } from "../auth/session";
import { useTexts } from "../i18n";
import { LoginButton } from "../shell";
import { Empty } from "../ui/parts";

// A code works once: React may run an effect twice.
let completing: Promise<string> | null = null;

export function Callback() {
  const { t } = useTexts();
  const navigate = useNavigate();
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    completing ??= session.complete(new URLSearchParams(window.location.search));
    completing
      .then((back) => navigate({ href: back, replace: true }))
      .catch(() => setFailed(true))
      .finally(() => {
        completing = null;
      });
  }, [navigate]);
  return (
    <>
      <h1 className="hidden">{t("account.login")}</h1>
      {failed ? (
        <Empty icon="alert" title={t("account.failed")}>
          <p className="muted">{t("account.failed.why")}</p>
          <LoginButton prominent />
        </Empty>
      ) : (
        <Empty icon="person" title={t("account.returning")} />
      )}
    </>
  );
}
