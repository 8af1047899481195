// What may leave the page when it breaks: the kind of the error, its place in our code, the release. The words of an
// error can quote what somebody wrote or where they are, so anything quoted, any number and any long word is blanked.

const BLANK = "[...]";

export function plain(text) {
  return String(text)
    .replace(/(["'`“”‘’]).*?\1/gs, BLANK)
    .replace(/\S+@\S+/g, BLANK)
    .replace(/[A-Za-z0-9._~-]{24,}/g, BLANK)
    .replace(/[+-]?\d[\d.,]*/g, BLANK)
    .slice(0, 200);
}

export function scrubbed(event) {
  const values = (event.exception?.values ?? []).map(({ type, value, mechanism, stacktrace }) => ({
    type,
    value: plain(value ?? ""),
    mechanism: mechanism && { type: mechanism.type, handled: mechanism.handled, synthetic: mechanism.synthetic },
    stacktrace: stacktrace && {
      frames: stacktrace.frames?.map(({ filename, lineno, colno, function: name, in_app }) => ({
        filename: String(filename ?? "").split(/[?#]/)[0],
        lineno,
        colno,
        function: name,
        in_app,
      })),
    },
  }));
  const { event_id, timestamp, platform, level, release, environment } = event;
  const sdk = event.sdk && { name: event.sdk.name, version: event.sdk.version };
  const kept = { event_id, timestamp, platform, level, release, environment, sdk, tags: { component: "page" } };
  if (values.length) kept.exception = { values };
  else kept.message = plain(event.message ?? "");
  return kept;
}
