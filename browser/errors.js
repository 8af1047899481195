// The one bundle: errors of the page, sent through our own origin, with everything of people taken out first.

import { BrowserClient, defaultStackParser, getDefaultIntegrations, makeFetchTransport, setCurrentClient } from "@sentry/browser";
import { scrubbed } from "./scrub.js";

const { dsn, release, environment } = document.body.dataset;
// No breadcrumbs: they would tell what was typed and pressed. No session: nobody is counted.
const UNWANTED = new Set(["Breadcrumbs", "BrowserSession", "BrowserApiErrors", "HttpContext", "CultureContext"]);

if (dsn) {
  const client = new BrowserClient({
    dsn,
    tunnel: "/api/tunnel",
    release,
    environment,
    transport: makeFetchTransport,
    stackParser: defaultStackParser,
    integrations: getDefaultIntegrations({}).filter(({ name }) => !UNWANTED.has(name)),
    sendClientReports: false,
    sendDefaultPii: false,
    maxBreadcrumbs: 0,
    beforeSend: scrubbed,
  });
  setCurrentClient(client);
  client.init();
}
