// What is around every view: navigation, who is logged in, language, appearance, keys.
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { useAbout, useSession } from "./auth/hooks";
import { session } from "./auth/session";
import { useTexts, type Language } from "./i18n";
import { Icon, type IconName } from "./ui/icons";
import { Dialog, Segments } from "./ui/parts";
import { ShortcutProvider, useShortcutHelp, useShortcuts } from "./ui/shortcuts";
import { useTheme, type Theme } from "./ui/theme";

const PLACES = [
  { to: "/day", icon: "day", key: "nav.day", press: "g d" },
  { to: "/runs", icon: "runs", key: "nav.runs", press: "g r" },
  { to: "/review", icon: "review", key: "nav.review", press: "g v" },
  { to: "/collections", icon: "collections", key: "nav.collections", press: "g c" },
] as const satisfies readonly { to: string; icon: IconName; key: string; press: string }[];

export function Shell() {
  return (
    <ShortcutProvider>
      <Frame />
    </ShortcutProvider>
  );
}

function Frame() {
  const { t } = useTexts();
  const navigate = useNavigate();
  const help = useShortcutHelp();
  const path = useRouterState({ select: (state) => state.location.pathname });
  useEffect(() => {
    // A login of before is taken up, and the page knows at once who is here.
    if (window.location.pathname !== "/callback") session.token().catch(() => undefined);
  }, []);
  useShortcuts(t("keys.anywhere"), [
    { keys: ["?"], shown: "?", label: t("keys.help"), run: help.show },
    ...PLACES.map((place) => ({
      keys: [place.press],
      shown: place.press,
      label: t("keys.go", { where: t(place.key) }),
      run: () => void navigate({ to: place.to }),
    })),
  ]);
  return (
    <div className="frame">
      <a className="skip" href="#content">
        {t("app.skip")}
      </a>
      <nav className="rail" aria-label={t("nav.main")}>
        <Link to="/day" className="brand" aria-label="Framesift">
          <img src="/icon.svg" alt="" width={28} height={28} />
          <span>Framesift</span>
        </Link>
        <ul className="rail-places">
          {PLACES.map((place) => (
            <li key={place.to}>
              <Link
                to={place.to}
                className={path.startsWith(place.to) ? "place place-on" : "place"}
                aria-current={path.startsWith(place.to) ? "page" : undefined}
              >
                <Icon name={place.icon} />
                <span>{t(place.key)}</span>
              </Link>
            </li>
          ))}
        </ul>
        <Account />
      </nav>
      <main id="content" className="content" tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}

function Account() {
  const { t } = useTexts();
  const [open, setOpen] = useState(false);
  const help = useShortcutHelp();
  return (
    <div className="rail-foot">
      <LoginButton />
      <button className="place" onClick={() => setOpen(true)}>
        <Icon name="settings" />
        <span>{t("nav.more")}</span>
      </button>
      <button className="place place-wide" onClick={help.show}>
        <Icon name="keys" />
        <span>{t("keys.open")}</span>
      </button>
      {open && <Preferences onClose={() => setOpen(false)} />}
    </div>
  );
}

function Preferences({ onClose }: { onClose: () => void }) {
  const { t, language, setLanguage } = useTexts();
  const [theme, setTheme] = useTheme();
  return (
    <Dialog title={t("nav.more")} onClose={onClose}>
      <h3>{t("language.label")}</h3>
      <Segments<Language>
        label={t("language.label")}
        value={language}
        options={[
          { value: "ko", label: "한국어" },
          { value: "en", label: "English" },
        ]}
        onChange={setLanguage}
      />
      <h3>{t("theme.label")}</h3>
      <Segments<Theme>
        label={t("theme.label")}
        value={theme}
        options={[
          { value: "system", label: t("theme.system") },
          { value: "light", label: t("theme.light") },
          { value: "dark", label: t("theme.dark") },
        ]}
        onChange={setTheme}
      />
    </Dialog>
  );
}

export function LoginButton({ prominent = false }: { prominent?: boolean }) {
  const { t } = useTexts();
  const state = useSession();
  const about = useAbout();
  const look = prominent ? "button button-main" : "place";
  if (state.status === "in") {
    return (
      <button className={look} onClick={() => void session.end()} title={state.person.name}>
        <Icon name="person" />
        <span>{t("account.logout")}</span>
      </button>
    );
  }
  return (
    <button
      className={look}
      disabled={about === undefined}
      onClick={() => {
        const { pathname, search } = window.location;
        if (about) void session.begin(about.login, pathname === "/callback" ? "/" : `${pathname}${search}`);
      }}
    >
      <Icon name="person" />
      <span>{about?.login.sign_up && prominent ? t("account.signup") : t("account.login")}</span>
    </button>
  );
}
