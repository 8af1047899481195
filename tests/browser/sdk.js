// The official SDK of browsers as any site would use it, with everything on; the page says its address.
import * as Sentry from "@sentry/browser";

Sentry.init({
  dsn: document.body.dataset.dsn,
  release: "site@1.2.3",
  environment: "test",
  tracesSampleRate: 1,
  integrations: [Sentry.browserTracingIntegration()],
});
Sentry.startSpan({ name: "a step", op: "ui.step" }, () => 0);
Sentry.captureMessage("only a message", "warning");
Sentry.captureFeedback({ message: "it was slow" });
setTimeout(() => {
  throw new TypeError("can't open 'a private word' for friend@example.org");
});
