// No module, since it looks after them: when one does not arrive, nothing on the page works. Say so, and try again.
document.addEventListener(
  "error",
  ({ target }) => {
    if (target.type !== "module") return;
    document.getElementById("broken").hidden = false;
    setTimeout(() => location.reload(), 2000 + 2000 * Math.random());
  },
  true,
);
