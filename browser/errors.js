// The one bundle: errors of the page, sent through our own origin, with everything of people taken out first.

import { BrowserClient, defaultStackParser, getDefaultIntegrations, makeFetchTransport, setCurrentClient } from "@sentry/browser";
import { scrubbed } from "./scrub.js";

const TUNNEL = "/api/tunnel"; // tells which project is ours, and takes what we send

const { release, environment } = document.body.dataset;
const { dsn } = await fetch(TUNNEL)
  .then((answer) => (answer.json()))
  .catch(() => ({})); // without it errors stay in the console
// No breadcrumbs: they would tell what was typed and pressed. No session: nobody is counted.
const UNWANTED = new Set(["Breadcrumbs", "BrowserSession", "BrowserApiErrors", "HttpContext", "CultureContext"]);

if (dsn) {
  const client = new BrowserClient({
    dsn,
    tunnel: TUNNEL,
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
