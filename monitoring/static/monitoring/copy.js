// Buttons that copy the text of the element they name. Without the clipboard the text is selected, to be copied by hand.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const from = document.getElementById(button.dataset.copy);
  const said = document.querySelector(`[data-copied="${button.dataset.copy}"]`);
  try {
    await navigator.clipboard.writeText(from.textContent);
    said.textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(from);
    said.textContent = "Selected: copy it.";
  }
});
