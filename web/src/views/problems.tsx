import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

import { useSession } from "../auth/hooks";
import { useTexts } from "../i18n";
import { LoginButton } from "../shell";
import { Empty, ErrorNote, Skeleton } from "../ui/parts";

export function NotFound() {
  const { t } = useTexts();
  return (
    <>
      <h1 className="hidden">{t("error.notfound")}</h1>
      <Empty icon="alert" title={t("error.notfound")}>
        <p className="muted">{t("error.notfound.why")}</p>
        <Link className="button" to="/day">
          {t("error.home")}
        </Link>
      </Empty>
    </>
  );
}

export function ViewError({ error, reset }: { error: unknown; reset: () => void }) {
  return <ErrorNote error={error} onRetry={reset} />;
}

/** What only people who are logged in may see. */
export function Private({ children }: { children: ReactNode }) {
  const { t } = useTexts();
  const state = useSession();
  if (state.status === "unknown") return <Skeleton lines={6} />;
  if (state.status === "in") return children;
  return (
    <Empty icon="person" title={t("account.needed")}>
      <p className="muted">{t("account.needed.why")}</p>
      <LoginButton prominent />
    </Empty>
  );
}
