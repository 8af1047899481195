// The official SDK of Node.js as anybody would use it: its address comes as the one argument.
import * as Sentry from "@sentry/node";

Sentry.init({ dsn: process.argv[2], release: "node@1.2.3", environment: "test", tracesSampleRate: 1, debug: false });

function divide(text) {
  throw new RangeError(`can't divide ${text}`);
}

Sentry.startSpan({ name: "a job", op: "job" }, () => Sentry.startSpan({ name: "its part", op: "part" }, () => 0));
try {
  divide("by 0.5");
} catch (error) {
  Sentry.captureException(error, { tags: { part: "division" }, extra: { large: "x".repeat(40_000) } });
}
Sentry.captureMessage("only a message", "warning");
Sentry.captureCheckIn({ monitorSlug: "nightly", status: "ok" });
Sentry.captureFeedback({ message: "it was slow" });
process.exit((await Sentry.flush(20_000)) ? 0 : 1);
