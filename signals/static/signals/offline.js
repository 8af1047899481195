// On the offline page: go on as soon as the server answers again.

async function look() {
  try {
    const answer = await fetch("/manifest.webmanifest", { method: "HEAD", cache: "no-store" });
    if (answer.ok) location.replace("/");
  } catch {
    // still offline
  }
}

window.addEventListener("online", look);
setInterval(look, 5000);
