import { useQuery } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

import { publicApi, unwrap, type Schemas } from "../api/client";
import { session, type SessionState } from "./session";

export function useSession(): SessionState {
  return useSyncExternalStore(session.subscribe, session.state);
}

export function useAbout(): Schemas["About"] | undefined {
  return useQuery({
    queryKey: ["about"],
    queryFn: () => unwrap(publicApi.GET("/v1/about")),
    staleTime: Infinity,
  }).data;
}
