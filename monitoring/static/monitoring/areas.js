// The theme's script gives each of its scroll areas one and the same name; a reader of the screen needs to tell them apart.
window.addEventListener("load", () => {
  for (const area of document.querySelectorAll(".simplebar-content-wrapper")) {
    area.setAttribute("aria-label", area.closest("#nav-sidebar-apps") ? "Menu" : "More on this page");
  }
});
