// The HTTP calls. A refusal is an ApiError with the server's own sentence.

export class ApiError extends Error {
  constructor(code, message, status = 0, retryAfterMs = 0) {
    super(message);
    Object.assign(this, { code, status, retryAfterMs });
  }
}

export async function call(method, path, body, token) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: JSON.stringify(body),
      credentials: "omit",
      cache: "no-store",
      signal: AbortSignal.timeout(10_000),
    });
  } catch {
    throw new ApiError("OFFLINE", "The server can't be reached. Check the connection and try again.");
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  const { code = "UNKNOWN", message = "That did not work. Please try again." } = said.error ?? {};
  throw new ApiError(code, message, answer.status, Number(answer.headers.get("Retry-After") ?? 0) * 1000);
}
