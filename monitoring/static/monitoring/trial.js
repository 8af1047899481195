// The page that raises an error on purpose: raises it, and asks until it stands among the issues.

const here = document.getElementById("trial");
const said = document.getElementById("trial-said");
const place = document.getElementById("trial-place");
const ASK_EVERY_MS = 500;
const GIVE_UP_MS = 60_000;

class TrialError extends Error {
  name = "TrialError";
}

function say(words) {
  said.textContent = words;
  said.hidden = false;
}

async function follow(query) {
  const began = Date.now();
  while (Date.now() - began < GIVE_UP_MS) {
    const answer = await fetch(`${here.dataset.found}?${query}`).catch(() => null);
    const { issue, event } = answer?.ok ? await answer.json() : {};
    if (issue) {
      say(`Event ${event} is filed, ${((Date.now() - began) / 1000).toFixed(1)} seconds after it was looked for.`);
      place.firstElementChild.href = issue;
      place.hidden = false;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
  say("It did not arrive within a minute. Does the watch process run?");
}

async function inBrowser() {
  place.hidden = true;
  document.body.dataset.release = here.dataset.release;
  document.body.dataset.environment = here.dataset.environment;
  await import(here.dataset.bundle);
  const since = Date.now();
  setTimeout(() => {
    throw new TrialError("This is a trial: raised on purpose, nothing is broken.");
  });
  say("Raised in this browser. Waiting for its issue.");
  await follow(`since_ms=${since - 1}`);
}

document.getElementById("in-browser")?.addEventListener("click", inBrowser);
if (here.dataset.event) follow(`event=${here.dataset.event}`);
