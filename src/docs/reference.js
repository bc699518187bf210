// The reference: Swagger UI on this server's own contract, with what it lacks for keyboards and for
// people who cannot see put right.
"use strict";

// The parts of the viewer that are used: not its own title, servers and description of the contract.
function Layout({ specSelectors, getComponent }) {
  const h = this.React.createElement;
  const part = (name) => h(getComponent(name, true), { key: name });

  if (specSelectors.loadingStatus() !== "success")
    return h("p", { role: "status" },
      specSelectors.loadingStatus() === "failed" ? "The contract could not be loaded." : "Loading …");
  return h("div", { className: "swagger-ui" }, part("SvgAssets"), part("AuthorizeBtnContainer"),
    part("FilterContainer"), part("errors"), part("operations"), part("Models"));
}

// A link inside a button cannot be reached by keyboard, nor heard: there its text is enough.
const plainPath = (_, system) => ({ text }) => system.React.createElement("span", null, text);

// A page that anybody can read is no place for a client's secret: people sign in, clients do not.
const peopleOnly = (Original, system) => (props) =>
  props.schema.get("flow") === "clientCredentials" ? null
    : system.React.createElement(Original, props);

// The button stands there before the operation is known, and what it would send then never ends.
const onceKnown = (Original, system) => (props) =>
  system.React.createElement(Original,
    { ...props, disabled: props.disabled || !props.operation.has("operationId") });

const plugin = (system) => ({
  components: { ReferenceLayout: Layout.bind(system) },
  wrapComponents: { DeepLink: plainPath, execute: onceKnown, oauth2: peopleOnly }
});

const reference = document.getElementById("reference");
const token = document.getElementById("token");

// A pasted token counts where nobody has signed in; it is sent to this server only.
function withToken(request) {
  if (token.value !== "" && !request.headers.Authorization &&
      new URL(request.url, location.href).origin === location.origin)
    request.headers.Authorization = "Bearer " + token.value.trim();
  return request;
}

// What the viewer leaves without a name, or gives a role that hides what it is.
const NAMELESS = "select:not([aria-label]), textarea:not([aria-label]), input:not([aria-label])";

function nameOf(field) {
  const row = field.closest("[data-param-name]");

  if (row)
    return row.dataset.paramName;
  return field.closest(".filter") ? "Filter by tag or path" : "Request body";
}

function repair() {
  for (const field of reference.querySelectorAll(NAMELESS)) {
    if (field.labels.length === 0)
      field.setAttribute("aria-label", nameOf(field));
  }
  for (const table of reference.querySelectorAll("table[role=region]"))
    table.removeAttribute("role");
  for (const link of reference.querySelectorAll(".scopes a:not([role])")) {
    link.setAttribute("role", "button");
    link.tabIndex = 0;
  }
  const dialog = reference.querySelector(".modal-ux:not([role])");
  if (dialog)
    tellDialog(dialog);
}

// Told as a dialog, with the focus in it; Escape closes it and brings the focus back.
function tellDialog(dialog) {
  const close = dialog.querySelector(".close-modal");

  dialog.setAttribute("role", "dialog");
  dialog.setAttribute("aria-modal", "true");
  dialog.setAttribute("aria-label", dialog.querySelector("h3").textContent);
  close.setAttribute("aria-label", "Close");
  (dialog.querySelector("input") || close).focus();
}

reference.addEventListener("keydown", (event) => {
  const dialog = reference.querySelector(".modal-ux");

  if (event.target.matches(".scopes a") && event.key === "Enter")
    event.target.click();
  if (dialog && event.key === "Escape") {
    dialog.querySelector(".close-modal").click();
    reference.querySelector(".btn.authorize").focus();
  }
  if (dialog && event.key === "Tab")
    keepInside(dialog, event);
});

function keepInside(dialog, event) {
  const places = [...dialog.querySelectorAll("input, button, [tabindex='0']")];
  const from = event.shiftKey ? places[0] : places[places.length - 1];

  if (event.target === from) {
    event.preventDefault();
    (event.shiftKey ? places[places.length - 1] : places[0]).focus();
  }
}

new MutationObserver(repair).observe(reference, { childList: true, subtree: true });

const viewer = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  layout: "ReferenceLayout",
  plugins: [plugin],
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  tryItOutEnabled: true,
  syntaxHighlight: false,
  validatorUrl: null,
  oauth2RedirectUrl: location.origin + "/docs/signed-in",
  requestInterceptor: withToken
});

viewer.initOAuth({ usePkceWithAuthorizationCodeGrant: true, scopeSeparator: " " });
